"""Tables of Arrow, as streams and files and as frames; importing it imports ``pyarrow``, which few processes need."""

from kedro_asgi.tables.arrow.answers import as_json_value as as_json_value
from kedro_asgi.tables.arrow.answers import table_from_json as table_from_json
from kedro_asgi.tables.arrow.bodies import read_parquet as read_parquet
from kedro_asgi.tables.arrow.bodies import read_stream as read_stream
from kedro_asgi.tables.arrow.bodies import stored_table as stored_table
from kedro_asgi.tables.arrow.conversion import convert_table as convert_table
from kedro_asgi.tables.arrow.conversion import is_frame as is_frame
from kedro_asgi.tables.arrow.conversion import table_of as table_of
from kedro_asgi.tables.arrow.frames import frame_or_column as frame_or_column
from kedro_asgi.tables.arrow.writing import write_csv as write_csv
from kedro_asgi.tables.arrow.writing import write_parquet as write_parquet
from kedro_asgi.tables.arrow.writing import write_stream as write_stream
