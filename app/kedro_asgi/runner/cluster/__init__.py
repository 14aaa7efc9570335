"""The nodes of one run on the workers of a Dask cluster."""

from kedro_asgi.errors import DaskMissingError

try:
    import distributed as distributed
except ModuleNotFoundError as error:
    raise DaskMissingError() from error
