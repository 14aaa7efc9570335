"""Text in a file."""

from kedro_asgi.io.files.base import FileDataset


class TextDataset(FileDataset):
    """A string; every line end is loaded as ``\\n``, and saved as it is."""

    _has_args = False

    def _decode(self, content: bytes) -> str:
        return content.decode(self._load_encoding).replace("\r\n", "\n").replace("\r", "\n")

    def _encode(self, data: object) -> bytes:
        if not isinstance(data, str):
            raise TypeError(f"A text file holds a str, not {type(data).__name__}.")
        return data.encode(self._save_encoding)
