#!/usr/bin/env python3
"""A TCP proxy that makes the test broker (tansu 0.6.0) answer as the Kafka protocol says.

usage: kafka-proxy.py LISTEN_PORT UPSTREAM_PORT [--visible FILE] [--tls PEM]     both on 127.0.0.1

ApiVersions  Removes the tagged fields of the answer, which Debian 12's librdkafka 2.0.2 cannot skip, and offers ListOffsets
             only up to version 2, so that the proxy has one form to parse.
ListOffsets  Replaces the end of a partition ("latest") by the high watermark of a Fetch, which the broker knows.
Metadata     With --visible, FILE is a JSON object of topic to number of partitions; the proxy hides the
             others. The broker cannot add partitions to a topic; to a client, raising the number looks the same.
TLS          With --tls, clients must use TLS; PEM holds a certificate and its key.

Everything else passes through unread. https://kafka.apache.org/protocol.html describes the messages.
"""
import argparse
import asyncio
import json
import pathlib
import ssl
import struct

FETCH, LIST_OFFSETS, METADATA, API_VERSIONS = 1, 2, 3, 18
# The last versions whose bodies have no compact fields.
HIGHEST = {LIST_OFFSETS: 2, METADATA: 8}
END_OF_PARTITION = -1
CHUNK_BYTES = 1 << 18


class Cursor:
    """Reads a message body from front to back."""

    def __init__(self, body, at=0):
        self.body, self.at = body, at

    def take(self, layout):
        values = struct.unpack_from('>' + layout, self.body, self.at)
        self.at += struct.calcsize('>' + layout)
        return values[0] if len(values) == 1 else values

    def text(self):
        length = self.take('h')
        start, self.at = self.at, self.at + max(length, 0)
        return self.body[start:self.at].decode()

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take('B')
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def skip_tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.skip(self.varint())

    def skip_int_array(self):
        self.skip(4 * self.take('i'))

    def skip(self, length):
        self.at += length


def text(value):
    raw = value.encode()
    return struct.pack('>h', len(raw)) + raw


def api_versions_answer(body, version):
    """The answer (from its correlation id on) without tagged fields, with the versions of HIGHEST at most."""
    cursor = Cursor(body, 4)
    if cursor.take('h') != 0:
        return body
    flexible = version >= 3
    count = cursor.varint() - 1 if flexible else cursor.take('i')
    answer = bytearray(body[:cursor.at])
    for _ in range(count):
        key, low, high = cursor.take('hhh')
        answer += struct.pack('>hhh', key, low, min(high, HIGHEST.get(key, high)))
        if flexible:
            cursor.skip_tags()
            answer += b'\0'
    if version >= 1:
        answer += struct.pack('>i', cursor.take('i'))
    return bytes(answer + b'\0' if flexible else answer)


def ends_asked(request, version):
    """The (topic, partition) pairs whose ends a ListOffsets request asks for; `request` begins after its correlation id."""
    cursor = Cursor(request)
    cursor.text()
    cursor.take('ib' if version >= 2 else 'i')
    asked = set()
    for _ in range(cursor.take('i')):
        topic = cursor.text()
        for _ in range(cursor.take('i')):
            partition, time = cursor.take('iq')
            if version == 0:
                cursor.take('i')
            if time == END_OF_PARTITION:
                asked.add((topic, partition))
    return asked


async def high_watermark(upstream, topic, partition):
    """The end of a partition, from a Fetch (v4) far beyond it; None when the broker answers with an error."""
    reader, writer = await asyncio.open_connection('127.0.0.1', upstream)
    try:
        request = (struct.pack('>hhi', FETCH, 4, 1) + text('kafka-proxy') + struct.pack('>iiiib', -1, 10, 1, 4096, 0)
                   + struct.pack('>i', 1) + text(topic) + struct.pack('>iiqi', 1, partition, 1 << 60, 4096))
        writer.write(struct.pack('>i', len(request)) + request)
        length, = struct.unpack('>i', await reader.readexactly(4))
        cursor = Cursor(await reader.readexactly(length))
        cursor.take('iii')  # correlation id, throttle time, number of topics
        cursor.text()
        _, _, error, offset = cursor.take('iihq')
        return None if error else offset
    finally:
        writer.close()


async def list_offsets_answer(body, version, asked, upstream):
    """The answer with every offset in `asked` replaced by the partition's true end. Version 0 is unchanged."""
    if version == 0:
        return body
    answer = bytearray(body)
    cursor = Cursor(body, 8 if version >= 2 else 4)
    for _ in range(cursor.take('i')):
        topic = cursor.text()
        for _ in range(cursor.take('i')):
            partition, error, _ = cursor.take('ihq')
            if error == 0 and (topic, partition) in asked:
                end = await high_watermark(upstream, topic, partition)
                if end is not None:
                    struct.pack_into('>q', answer, cursor.at, end)
            cursor.take('q')
    return bytes(answer)


def metadata_answer(body, version, visible):
    """The answer without the partitions that `visible` (topic to number) hides."""
    cursor = Cursor(body, 8 if version >= 3 else 4)
    for _ in range(cursor.take('i')):
        cursor.take('i')
        cursor.text()
        cursor.take('i')
        if version >= 1:
            cursor.text()
    if version >= 2:
        cursor.text()
    if version >= 1:
        cursor.take('i')
    topics = cursor.take('i')
    answer = bytearray(body[:cursor.at])
    for _ in range(topics):
        start = cursor.at
        cursor.take('h')
        topic = cursor.text()
        if version >= 1:
            cursor.take('b')
        answer += body[start:cursor.at]
        kept = [one for index, one in metadata_partitions(cursor, version) if index < visible.get(topic, index + 1)]
        answer += struct.pack('>i', len(kept)) + b''.join(kept)
        if version >= 8:
            answer += struct.pack('>i', cursor.take('i'))
    return bytes(answer + body[cursor.at:])


def metadata_partitions(cursor, version):
    """The partitions of one topic as (index, bytes)."""
    partitions = []
    for _ in range(cursor.take('i')):
        start = cursor.at
        _, index, _ = cursor.take('hii')
        if version >= 7:
            cursor.take('i')
        for _ in range(3 if version >= 5 else 2):
            cursor.skip_int_array()
        partitions.append((index, cursor.body[start:cursor.at]))
    return partitions


async def copy(reader, writer, length):
    while length:
        chunk = await reader.read(min(length, CHUNK_BYTES))
        if not chunk:
            raise ConnectionResetError
        writer.write(chunk)
        length -= len(chunk)
        await writer.drain()


class Connection:
    """One client's connection and its connection to the broker. Answers are matched to requests by correlation id."""

    def __init__(self, client, broker, upstream, visible):
        self.client_reader, self.client_writer = client
        self.broker_reader, self.broker_writer = broker
        self.upstream, self.visible = upstream, visible
        self.pending = {}  # correlation id -> function from the answer's body to the corrected one

    async def requests(self):
        while True:
            head = await self.client_reader.readexactly(12)
            length, key, version, correlation = struct.unpack('>ihhi', head)
            rest = b''
            if key == API_VERSIONS:
                self.pending[correlation] = self.correct_api_versions(version)
            elif key == METADATA and self.visible:
                self.pending[correlation] = self.correct_metadata(version)
            elif key == LIST_OFFSETS:
                rest = await self.client_reader.readexactly(length - 8)
                self.pending[correlation] = self.correct_list_offsets(version, ends_asked(rest, version))
            self.broker_writer.write(head + rest)
            await copy(self.client_reader, self.broker_writer, length - 8 - len(rest))

    def correct_api_versions(self, version):
        async def correct(body):
            return api_versions_answer(body, version)
        return correct

    def correct_metadata(self, version):
        async def correct(body):
            return metadata_answer(body, version, json.loads(self.visible.read_text()))
        return correct

    def correct_list_offsets(self, version, asked):
        async def correct(body):
            return await list_offsets_answer(body, version, asked, self.upstream)
        return correct

    async def answers(self):
        while True:
            head = await self.broker_reader.readexactly(8)
            length, correlation = struct.unpack('>ii', head)
            correct = self.pending.pop(correlation, None)
            if correct is None:
                self.client_writer.write(head)
                await copy(self.broker_reader, self.client_writer, length - 4)
                continue
            body = await correct(head[4:] + await self.broker_reader.readexactly(length - 4))
            self.client_writer.write(struct.pack('>i', len(body)) + body)
            await self.client_writer.drain()

    async def run(self):
        """Relays both directions and closes both when one ends."""
        try:
            await asyncio.gather(self.requests(), self.answers())
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.client_writer.close()
            self.broker_writer.close()


def tls_context(pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def serve(listen, upstream, visible, tls):
    async def accept(reader, writer):
        try:
            broker = await asyncio.open_connection('127.0.0.1', upstream, limit=CHUNK_BYTES)
        except OSError:
            writer.close()
            return
        await Connection((reader, writer), broker, upstream, visible).run()

    server = await asyncio.start_server(accept, '127.0.0.1', listen, limit=CHUNK_BYTES, ssl=tls)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description='Corrects the test broker\'s answers; see the head of this file.')
    parser.add_argument('listen', type=int)
    parser.add_argument('upstream', type=int)
    parser.add_argument('--visible', type=pathlib.Path)
    parser.add_argument('--tls')
    arguments = parser.parse_args()
    tls = tls_context(arguments.tls) if arguments.tls else None
    asyncio.run(serve(arguments.listen, arguments.upstream, arguments.visible, tls))


if __name__ == '__main__':
    main()
