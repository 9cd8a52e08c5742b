"""A decoder of teleport link version 2, written from docs/protocol/teleport-v2.md alone.

It shares nothing with src/teleport but the library libzstd, which it calls through ctypes. It keeps to
the document's words and does not try to be fast.

    decoder = Decoder(Tables())
    frames, consumed = decoder.decode(wire)   # consumed is 0 while the batch is not complete

A wrong batch raises WireError; the decoder must not be used again then.
"""
import collections
import ctypes
import dataclasses
import re

BATCH_BYTES_MAX = 1 << 20
PREFIX_BYTES_MAX = 1 << 20
FRAME_TEXT_BYTES_MIN = 256 * 1024
STREAM_MAX = (1 << 31) - 1

HEAD, HEAD_END, DATA, DATA_END, TRAILERS = 1, 2, 3, 4, 5
RESET, WINDOW, PING, PONG, GOAWAY, DATAGRAM, TERMS = 6, 7, 8, 9, 10, 11, 12
TYPE_MAX = 12


class WireError(Exception):
    """A batch that cannot be decoded: the link ends."""


@dataclasses.dataclass
class Tables:
    window_log: int = 22
    lines: int = 32768
    line_bytes: int = 4 << 20
    ids: int = 65536
    secret_blocks: int = 65536
    body_bytes: int = 4 << 20


# --- numbers -------------------------------------------------------------------------------------

class Reader:
    """A cursor in bytes; whatever is not there is a WireError."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def at_end(self):
        return self.at == len(self.data)

    def left(self):
        return len(self.data) - self.at

    def peek(self):
        if self.at_end():
            raise WireError("cut short")
        return self.data[self.at]

    def byte(self):
        value = self.peek()
        self.at += 1
        return value

    def bytes(self, count):
        if count > self.left():
            raise WireError("cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def up_to(self, end):
        """The bytes before the next `end`, which is passed over."""
        found = self.data.find(end, self.at)
        if found < 0:
            raise WireError("a line without an end")
        text = self.data[self.at:found]
        self.at = found + 1
        return text

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.byte()
            if place == 9 and byte > 1:
                raise WireError("a number over 64 bits")
            value |= (byte & 0x7f) << (7 * place)
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise WireError("a number that is not in its shortest form")
                return value
        raise WireError("a number over 64 bits")

    def signed_varint(self):
        value = self.varint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def make_crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = make_crc_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


# --- zstd ----------------------------------------------------------------------------------------

class Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer."""
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def load_zstd():
    library = ctypes.CDLL("libzstd.so.1")
    context, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in (
            ("ZSTD_createDCtx", context, []),
            ("ZSTD_freeDCtx", size, [context]),
            ("ZSTD_DCtx_setParameter", size, [context, ctypes.c_int, ctypes.c_int]),
            ("ZSTD_DCtx_refPrefix", size, [context, ctypes.c_void_p, size]),
            ("ZSTD_decompressStream", size,
             [context, ctypes.POINTER(Buffer), ctypes.POINTER(Buffer)]),
            ("ZSTD_isError", ctypes.c_uint, [size])):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


ZSTD = load_zstd()
ZSTD_D_WINDOW_LOG_MAX = 100
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class ZstdStream:
    """The row of zstd frames of one direction."""

    def __init__(self, window_log):
        self.context = ZSTD.ZSTD_createDCtx()
        self.check(ZSTD.ZSTD_DCtx_setParameter(self.context, ZSTD_D_WINDOW_LOG_MAX, window_log))
        self.room = ctypes.create_string_buffer(BATCH_BYTES_MAX + 1)
        self.history_max = min(PREFIX_BYTES_MAX, 1 << window_log)
        self.history = b""
        self.prefix = None  # of the frame under way; the library keeps a pointer to it
        self.begun = False
        self.at_start = True  # the next byte is the first of a frame
        self.frame_text = 0

    def __del__(self):
        ZSTD.ZSTD_freeDCtx(self.context)

    @staticmethod
    def check(result):
        if ZSTD.ZSTD_isError(result):
            raise WireError("zstd")
        return result

    def decode(self, piece, new_frame):
        if not self.begun and not new_frame:
            raise WireError("no zstd frame has begun")
        if self.begun and new_frame and self.frame_text < FRAME_TEXT_BYTES_MIN:
            raise WireError("a zstd frame begins too early")
        must_end = self.begun and new_frame
        self.begun = True
        if new_frame:
            self.frame_text = 0
        source = ctypes.create_string_buffer(piece, len(piece))
        data = Buffer(ctypes.addressof(source), len(piece), 0)
        room = Buffer(ctypes.addressof(self.room), BATCH_BYTES_MAX + 1, 0)
        while data.pos < data.size:
            if self.at_start:
                if piece[data.pos:data.pos + 4] != ZSTD_MAGIC:
                    raise WireError("no zstd frame")
                self.at_start = False
            ended = self.check(ZSTD.ZSTD_decompressStream(
                self.context, ctypes.byref(room), ctypes.byref(data))) == 0
            if room.pos > BATCH_BYTES_MAX:
                raise WireError("a main part that is too large")
            if ended:
                if not must_end or room.pos > 0:
                    raise WireError("a zstd frame ends")
                must_end = False
                self.at_start = True
                self.prefix = ctypes.create_string_buffer(self.history, len(self.history))
                self.check(ZSTD.ZSTD_DCtx_refPrefix(self.context, self.prefix, len(self.history)))
        if must_end:
            raise WireError("a zstd frame does not end")
        text = self.room.raw[:room.pos]
        self.frame_text += len(text)
        self.history = (self.history + text)[-self.history_max:]
        return text


# --- tables --------------------------------------------------------------------------------------

class LineTable:
    COST = 32

    def __init__(self, slots, bytes_max):
        self.lines = [None] * slots
        self.used = [False] * slots
        self.bytes_max = bytes_max
        self.bytes = 0
        self.count = 0
        self.hand = 0

    def use(self, number):
        if number >= len(self.lines) or self.lines[number] is None:
            raise WireError("a line that is not there")
        self.used[number] = True
        return self.lines[number]

    def insert(self, line):
        if not 4 <= len(line) <= 4096:
            return
        while self.lines[self.hand] is not None and self.used[self.hand]:
            self.used[self.hand] = False
            self.advance()
        number = self.hand
        self.evict(number)
        self.lines[number] = line
        self.used[number] = False
        self.bytes += len(line) + self.COST
        self.count += 1
        self.advance()
        while self.bytes > self.bytes_max and self.count > 1:
            if self.hand != number and self.lines[self.hand] is not None:
                if self.used[self.hand]:
                    self.used[self.hand] = False
                else:
                    self.evict(self.hand)
            self.advance()

    def evict(self, number):
        if self.lines[number] is not None:
            self.bytes -= len(self.lines[number]) + self.COST
            self.count -= 1
            self.lines[number] = None

    def advance(self):
        self.hand = (self.hand + 1) % len(self.lines)


class IdTable:
    def __init__(self, size):
        self.ids = collections.deque(maxlen=size)

    def insert(self, value):
        self.ids.append(value)

    def find(self, distance):
        if not 1 <= distance <= len(self.ids):
            raise WireError("an identifier that is not there")
        return self.ids[-distance]


class BlockTable:
    def __init__(self, slots):
        self.blocks = [None] * slots
        self.next = 0
        self.expected = 0

    def insert(self, block):
        self.blocks[self.next] = block
        self.next = (self.next + 1) % len(self.blocks)

    def known(self, count, difference):
        slot = self.expected + difference
        if not 0 <= slot < len(self.blocks):
            raise WireError("a slot that is not there")
        found = b""
        for _ in range(count):
            if self.blocks[slot] is None:
                raise WireError("a block that is not there")
            found += self.blocks[slot]
            slot = (slot + 1) % len(self.blocks)
        self.expected = slot
        return found


class BodyTable:
    def __init__(self, bytes_max):
        self.bytes_max = bytes_max
        self.bodies = collections.deque()  # (where it begins, body), the oldest first
        self.next = 0

    def insert(self, body):
        if not 64 <= len(body) <= min(65536, self.bytes_max // 4):
            return
        if self.next + len(body) > self.bytes_max:
            self.forget(self.next, self.bytes_max)
            self.next = 0
        self.forget(self.next, self.next + len(body))
        self.bodies.append((self.next, body))
        self.next += len(body)

    def forget(self, begin, end):
        self.bodies = collections.deque(
            (at, body) for at, body in self.bodies if not begin <= at < end)

    def find(self, distance):
        if not 1 <= distance <= len(self.bodies):
            raise WireError("a body that is not there")
        return self.bodies[-distance][1]


# --- coding --------------------------------------------------------------------------------------

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CONTROL = re.compile(rb"[\x00-\x07]")


def unpack_characters(data, count):
    number = int.from_bytes(data, "big") >> (8 * len(data) - 6 * count)
    return bytes(ALPHABET[number >> 6 * place & 63] for place in reversed(range(count)))


def uuid_of(value):
    if len(value) != 16:
        raise WireError("an identifier that is no uuid")
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20],
                     digits[20:])).encode()


class Decoder:
    """One direction of a link."""

    def __init__(self, tables):
        self.zstd = ZstdStream(tables.window_log)
        self.lines = LineTable(tables.lines, tables.line_bytes)
        self.ids = IdTable(tables.ids)
        self.blocks = BlockTable(tables.secret_blocks)
        self.bodies = BodyTable(tables.body_bytes)
        self.last_stream = 0
        self.last_head = 0
        self.body_length = None  # that the head before has announced
        self.main_part = None  # of the last batch, decompressed

    def decode(self, wire):
        """The frames of the batch at the front of `wire`, and its length; (None, 0): it is not complete."""
        if not wire:
            return None, 0
        reader = Reader(wire)
        flags = reader.byte()
        if flags not in (0, 1, 3):
            raise WireError("flags")
        lengths = []
        for _ in range(2):
            try:
                length = reader.varint()
            except WireError:
                if len(wire) >= 11:
                    raise
                return None, 0
            if length > BATCH_BYTES_MAX:
                raise WireError("a batch that is too large")
            lengths.append(length)
        if reader.left() < 4 + sum(lengths):
            return None, 0
        checksum = int.from_bytes(reader.bytes(4), "little")
        main, beside = reader.bytes(lengths[0]), reader.bytes(lengths[1])
        if flags == 0:
            if beside:
                raise WireError("something beside nothing")
            self.main_part = frames = main
        else:
            self.main_part = self.zstd.decode(main, flags == 3)
            frames = self.read_frames(Reader(self.main_part), Reader(beside))
        if crc32c(frames) != checksum:
            raise WireError("checksum")
        return frames, reader.at

    def read_frames(self, main, beside):
        frames = bytearray()
        while not main.at_end():
            kind, stream, payload = self.read_frame(main, beside)
            frames += bytes([kind]) + varint(stream) + varint(len(payload)) + payload
            if len(frames) > BATCH_BYTES_MAX:
                raise WireError("frames that are too many")
        if not beside.at_end() or self.body_length is not None:
            raise WireError("something that nothing refers to")
        return bytes(frames)

    def read_frame(self, main, beside):
        start = main.byte()
        kind, coding, has_length = start & 0x1f, start & 0x60, start & 0x80 != 0
        if not 1 <= kind <= TYPE_MAX:
            raise WireError("a type that is not known")
        is_head = kind in (HEAD, HEAD_END)
        stream = (self.last_head + 1 if is_head else self.last_stream) + main.signed_varint()
        if not 0 <= stream <= STREAM_MAX:
            raise WireError("a stream out of range")
        self.last_stream = stream
        if is_head:
            self.last_head = stream
        if kind in (DATA, DATA_END):
            return kind, stream, self.read_data(coding, has_length, main, beside)
        if self.body_length is not None:
            raise WireError("another frame than the body")
        if is_head or kind == TRAILERS:
            if has_length and not is_head:
                raise WireError("trailers with a body")
            return kind, stream, self.read_head(coding, has_length, main, beside)
        if coding or has_length:
            raise WireError("a frame without codings")
        return kind, stream, main.bytes(main.varint())

    # Heads.

    def read_head(self, coding, has_length, main, beside):
        if coding == 0x60 or (coding == 0 and has_length):
            raise WireError("a coding that is not known")
        if coding == 0:
            return beside.bytes(main.varint())
        length = main.varint() if has_length else None
        head = bytearray()
        end = b" HTTP/1.1\r\n" if coding == 0x20 else b"\r\n"
        while main.peek() != 0:
            head += self.read_line(main, beside, length or 0) + end
            end = b"\r\n"
            if len(head) > BATCH_BYTES_MAX:
                raise WireError("a head that is too large")
        main.byte()
        self.body_length = length
        return bytes(head) + b"\r\n"

    def read_line(self, main, beside, length):
        first = main.peek()
        if first >= 0x80:
            number = (main.byte() & 0x7f) << 8
            number |= main.byte()
            return self.unpack_line(self.lines.use(number), beside, length)
        if first == 0x0e:
            main.byte()
            line = main.up_to(b"\n") + self.read_secret(beside)
            if CONTROL.search(line):
                raise WireError("a secret with a hole")
            self.lines.insert(line)
            return line
        if first == 0x0f:
            main.byte()
        packed = main.up_to(b"\n")
        self.lines.insert(packed)
        return self.unpack_line(packed, beside, length)

    def unpack_line(self, packed, beside, length):
        reader = Reader(packed)
        line = bytearray()
        while not reader.at_end():
            if reader.peek() == 7:
                reader.byte()
                line += str(length).encode()
            else:
                line += self.unpack_some(reader, beside, BATCH_BYTES_MAX)
            if len(line) > BATCH_BYTES_MAX:
                raise WireError("a line that is too long")
        return bytes(line)

    def unpack_some(self, packed, beside, limit):
        """What the next hole stands for, or the text before it, of at most `limit` bytes."""
        found = CONTROL.search(packed.data, packed.at)
        text_bytes = (found.start() if found else len(packed.data)) - packed.at
        if text_bytes > 0:
            return packed.bytes(min(text_bytes, limit))
        hole = packed.byte()
        if hole in (1, 2):
            size = 16 if hole == 1 else packed.byte() - 0x40
            if not 8 <= size <= 32:
                raise WireError("an identifier of a wrong size")
            value = beside.bytes(size)
            self.ids.insert(value)
        elif hole in (3, 4):
            value = self.ids.find(packed.byte() - 0x40)
        elif hole in (5, 6):
            value = self.ids.find(beside.varint())
        else:
            raise WireError("a hole that is not known")
        return uuid_of(value) if hole in (1, 3, 5) else value.hex().encode()

    # Secrets.

    def read_secret(self, beside):
        value = bytearray()
        while True:
            operation = beside.byte()
            if operation == 0:
                return bytes(value)
            kind, count = operation & 0xc0, operation & 0x3f
            if count == 0:
                raise WireError("an operation without a count")
            if kind == 0x00:
                value += beside.bytes(count)
            elif kind == 0x40:
                if count > 31:
                    raise WireError("a block that is too long")
                characters = unpack_characters(beside.bytes((6 * count + 7) // 8), count)
                if count >= 16:
                    self.blocks.insert(characters)
                value += characters
            elif kind == 0x80:
                characters = unpack_characters(beside.bytes(12 * count), 16 * count)
                for at in range(0, len(characters), 16):
                    self.blocks.insert(characters[at:at + 16])
                value += characters
            else:
                value += self.blocks.known(count, beside.signed_varint())
            if len(value) > BATCH_BYTES_MAX:
                raise WireError("a secret that is too long")

    # Data.

    def read_data(self, coding, has_length, main, beside):
        if has_length != (self.body_length is not None):
            raise WireError("a body without its head, or a head without its body")
        if has_length:
            if self.last_stream != self.last_head:
                raise WireError("the body of another stream")
            length, self.body_length = self.body_length, None
        else:
            length = main.varint()
        if length > BATCH_BYTES_MAX:
            raise WireError("a body that is too large")
        if coding == 0x60:
            body = self.bodies.find(main.varint())
            if len(body) != length:
                raise WireError("a body of another length")
            return body
        if coding == 0x00:
            body = main.bytes(length)
        elif coding == 0x40:
            body = beside.bytes(length)
        else:
            body = self.unpack_text(main, beside, length)
        self.bodies.insert(body)
        return body

    def unpack_text(self, main, beside, length):
        text = bytearray()
        while len(text) < length:
            if main.at_end():
                raise WireError("cut short")
            text += self.unpack_some(main, beside, length - len(text))
        if len(text) > length:
            raise WireError("a body that becomes too long")
        return bytes(text)
