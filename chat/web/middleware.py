def PersonMiddleware(get_response):  # placeholder, replaced below
    return get_response
