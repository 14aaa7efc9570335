"""Dataset classes as projects write them."""

SOURCE = '''
from kedro.io import AbstractDataset, AbstractVersionedDataset

class Failing(AbstractDataset):
    def __init__(self):
        raise LookupError("no luck")

    def load(self):
        return 1

    def save(self, data):
        pass

    def _describe(self):
        return {}

class Abstract(AbstractDataset):
    def load(self):
        return 1

class Shown(AbstractDataset):
    """Loads the value that its constructor got."""

    def __init__(self, **arguments):
        self._arguments = arguments

    def load(self):
        return self._arguments

    def save(self, data):
        self._arguments = data

    def _describe(self):
        return {}

class Old(AbstractDataset):
    """Kedro's former names of methods, and all the optional ones."""

    def __init__(self, filepath, secret=None):
        self._filepath, self._secret, self.confirmed = filepath, secret, 0

    def _load(self):
        return open(self._filepath).read()

    def _save(self, data):
        open(self._filepath, "w").write(data)

    def _exists(self):
        import os

        return os.path.exists(self._filepath)

    def _describe(self):
        return {"filepath": self._filepath, "secret": self._secret, "none": None}

    def confirm(self):
        self.confirmed += 1

class Bad(AbstractDataset):
    def __init__(self, error="LookupError"):
        self._error = error

    def _fail(self):
        import builtins

        raise getattr(builtins, self._error)("no luck")

    def load(self):
        self._fail()

    def save(self, data):
        self._fail()

    def _exists(self):
        self._fail()

    def _release(self):
        self._fail()

    def _describe(self):
        return {"url": "s3://user:pw@bucket/key?token=1"}

class Mute(AbstractDataset):
    def load(self):
        return 1

    def save(self, data):
        pass

    def _describe(self):
        return {}

class Appending(AbstractDataset):
    def __init__(self, filepath):
        self._filepath = filepath

    def load(self):
        return open(self._filepath).read()

    def save(self, data):
        open(self._filepath, "a").write(f"{data};")

    def _describe(self):
        return {"filepath": self._filepath}

class Lines(AbstractVersionedDataset):
    """A versioned dataset as Kedro's documentation shows it."""

    def __init__(self, filepath, version=None, metadata=None):
        import fsspec
        from pathlib import PurePosixPath

        self._protocol, self._fs = "file", fsspec.filesystem("file")
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(filepath),
            version=version,
            exists_function=self._fs.exists,
            glob_function=self._fs.glob,
        )

    def load(self):
        with self._fs.open(str(self._get_load_path()), "r") as file:
            return file.read().splitlines()

    def save(self, data):
        path = str(self._get_save_path())
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self._fs.open(path, "w") as file:
            file.write("\\n".join(data))

    def _describe(self):
        return {"filepath": self._filepath, "version": self._version}

    def _exists(self):
        return self._fs.exists(str(self._get_load_path()))

    def _release(self):
        super()._release()
        self._fs.invalidate_cache(str(self._filepath))
'''
