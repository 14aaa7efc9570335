"""The functions and schemas that validators of the oracle's catalogs name."""

import functools

import pandera.pandas as pa


class Wrapping:
    def __init__(self, **options):
        self.options = options

    def validate(self, data):
        if data == "bad":
            raise ValueError("it is bad")
        return ["wrapped", data, self.options]


class NoOptions:
    def validate(self, data):
        return data


class Needing:
    def __init__(self, a):
        self.a = a

    def validate(self, data):
        return data


class NoValidate:
    pass


class Broken:
    def __init__(self):
        raise RuntimeError("no luck")

    def validate(self, data):
        return data


class OfClass:
    @classmethod
    def validate(cls, data):
        return ["of class", data]


class Static:
    @staticmethod
    def validate(data):
        return ["static", data]


class Called:
    def __call__(self, data):
        return ["called", data]


class Both(Called):
    def validate(self, data):
        return ["validated", data]


class Outer:
    class Inner(NoOptions):
        pass


def positive(data):
    if data < 0:
        raise ValueError("negative")


def twice(data):
    return 2 * data


def scaled(data, k=3):
    return k * data


def false(data):
    return False


def appending(data):
    data.append("seen")


def key_error(data):
    raise KeyError("k")


def asserting(data):
    raise AssertionError


def empty(data):
    raise ValueError


def lines(data):
    raise ValueError("one\ntwo")


instance = Wrapping(own=1)
called = Called()
both = Both()
partial = functools.partial(scaled, k=10)
anonymous = lambda data: ["anonymous", data]  # noqa: E731
number = 5
text = "x"

schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(0)), "b": pa.Column(str)})
coercing = pa.DataFrameSchema({"a": pa.Column(int, coerce=True)})


class Model(pa.DataFrameModel):
    a: int = pa.Field(gt=0)
    b: str
