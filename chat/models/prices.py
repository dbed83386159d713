from django.db import models


class Price(models.Model):
    """What a model costs from a day on (UTC, that day included) until its next price, in `PRICE_CURRENCY` for 1,000,000 tokens.

    `model` is its name, or how its name begins, with `*` at the end. `cached_input`: for tokens that the model server had read
    before; None: as for all input.
    """

    DIGITS, PLACES = 12, 6

    model = models.CharField(max_length=200)
    from_date = models.DateField()
    input = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    output = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    cached_input = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "from_date"], name="one_price_per_day")]

    def __str__(self) -> str:
        return f"{self.model} from {self.from_date:%Y-%m-%d}"
