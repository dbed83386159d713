def server(request):
    return {}
