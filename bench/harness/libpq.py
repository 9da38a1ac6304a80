"""A connection to PostgreSQL through libpq itself, so that the harness needs no Python package."""

import ctypes

_lib = ctypes.CDLL("libpq.so.5")
_lib.PQconnectdb.restype = ctypes.c_void_p
_lib.PQerrorMessage.restype = ctypes.c_char_p
_lib.PQerrorMessage.argtypes = _lib.PQfinish.argtypes = _lib.PQstatus.argtypes = [ctypes.c_void_p]
_lib.PQexec.restype = ctypes.c_void_p
_lib.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_lib.PQresultErrorMessage.restype = ctypes.c_char_p
_lib.PQgetvalue.restype = ctypes.c_char_p
_lib.PQgetvalue.argtypes = _lib.PQgetisnull.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
for _function in ("PQresultStatus", "PQresultErrorMessage", "PQntuples", "PQnfields", "PQclear"):
    getattr(_lib, _function).argtypes = [ctypes.c_void_p]

_COMMAND_OK, _TUPLES_OK = 1, 2


class DatabaseError(Exception):
    """The server's words, or libpq's."""


class Connection:
    def __init__(self, url):
        self._connection = _lib.PQconnectdb(url.encode())
        if _lib.PQstatus(self._connection) != 0:
            message = _lib.PQerrorMessage(self._connection).decode().strip()
            self.close()
            raise DatabaseError(message)

    def query(self, sql):
        """Runs SQL and returns the last statement's rows as tuples of text (None for NULL)."""
        result = _lib.PQexec(self._connection, sql.encode())
        try:
            if _lib.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
                raise DatabaseError(_lib.PQresultErrorMessage(result).decode().strip())
            columns = range(_lib.PQnfields(result))
            return [tuple(None if _lib.PQgetisnull(result, row, column)
                          else _lib.PQgetvalue(result, row, column).decode() for column in columns)
                    for row in range(_lib.PQntuples(result))]
        finally:
            _lib.PQclear(result)

    def value(self, sql):
        return self.query(sql)[0][0]

    def close(self):
        if self._connection:
            _lib.PQfinish(self._connection)
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
