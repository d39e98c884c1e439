"""Records that are malformed or only look malformed. Each has a name, its bytes, and the postcode that it counts for, or None."""
import dataclasses

from .events import SAMPLE_MS

T = SAMPLE_MS // 1000


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    value: bytes | None
    counts_for: str | None = None


def text(name: str, value: str, counts_for: str | None = None) -> Case:
    return Case(name, value.encode(), counts_for)


def field(name: str, member: str, counts_for: str | None = None) -> Case:
    """An event with one more member after the two required ones."""
    return text(name, f'{{"postcode":"P","timestamp":{T},{member}}}', counts_for)


REJECTED = [
    Case('tombstone', None),
    Case('empty', b''),
    Case('white space', b' \t\r\n'),
    Case('not JSON', b'hello'),
    Case('NUL bytes', b'\0\0\0\0'),
    Case('a NUL byte after the object', f'{{"postcode":"P","timestamp":{T}}}\0'.encode()),
    Case('a raw NUL byte in the postcode', f'{{"postcode":"P\0Q","timestamp":{T}}}'.encode()),
    text('an escaped NUL in the postcode', f'{{"postcode":"P\\u0000","timestamp":{T}}}'),
    text('a control character in the postcode', f'{{"postcode":"P\\n","timestamp":{T}}}'),
    text('DEL in the postcode', f'{{"postcode":"P\x7f","timestamp":{T}}}'),
    text('null', 'null'), text('a number', '12'), text('a string', '"x"'), text('an array', '[{}]'),
    text('an empty object', '{}'),
    text('cut in a name', '{"post'), text('cut in a string', '{"postcode":"P'),
    text('cut before the end', f'{{"postcode":"P","timestamp":{T}'),
    text('something after the end', f'{{"postcode":"P","timestamp":{T}}}x'),
    text('two objects', f'{{"postcode":"P","timestamp":{T}}}{{"postcode":"P","timestamp":{T}}}'),
    text('a comma before the end', f'{{"postcode":"P","timestamp":{T},}}'),
    text('no comma', f'{{"postcode":"P" "timestamp":{T}}}'),
    text('single quotes', f"{{'postcode':'P','timestamp':{T}}}"),
    text('no postcode', f'{{"timestamp":{T}}}'),
    text('postcode null', f'{{"postcode":null,"timestamp":{T}}}'),
    text('postcode a number', f'{{"postcode":19,"timestamp":{T}}}'),
    text('postcode an object', f'{{"postcode":{{}},"timestamp":{T}}}'),
    text('postcode empty', f'{{"postcode":"","timestamp":{T}}}'),
    text('postcode of 65 bytes', f'{{"postcode":"{"x" * 65}","timestamp":{T}}}'),
    text('postcode of 33 letters, 66 bytes', f'{{"postcode":"{"é" * 33}","timestamp":{T}}}'),
    Case('postcode not UTF-8', b'{"postcode":"\xff\xfe","timestamp":%d}' % T),
    Case('postcode an overlong form', b'{"postcode":"\xc0\xaf","timestamp":%d}' % T),
    Case('postcode a raw surrogate', b'{"postcode":"\xed\xa0\x80","timestamp":%d}' % T),
    text('postcode half a surrogate pair', f'{{"postcode":"\\ud83d","timestamp":{T}}}'),
    text('an escape that does not exist', f'{{"postcode":"\\x41","timestamp":{T}}}'),
    Case('another member not UTF-8', b'{"postcode":"P","timestamp":%d,"x":"\xff"}' % T),
    text('no timestamp', '{"postcode":"P"}'),
    text('timestamp null', '{"postcode":"P","timestamp":null}'),
    text('timestamp zero', '{"postcode":"P","timestamp":0}'),
    text('timestamp negative', '{"postcode":"P","timestamp":-1}'),
    text('timestamp a fraction', '{"postcode":"P","timestamp":1611662684.5}'),
    text('timestamp absurd', '{"postcode":"P","timestamp":100000000000000000}'),
    text('timestamp beyond 64 bits', '{"postcode":"P","timestamp":99999999999999999999999999}'),
    text('timestamp a huge power', '{"postcode":"P","timestamp":1e999999}'),
    text('timestamp with a leading zero', '{"postcode":"P","timestamp":01611662684}'),
    text('timestamp words', '{"postcode":"P","timestamp":"now"}'),
    text('timestamp a date', '{"postcode":"P","timestamp":"2021-01-26"}'),
    text('timestamp true', '{"postcode":"P","timestamp":true}'),
    text('the last of two timestamps is wrong', f'{{"timestamp":{T},"postcode":"P","timestamp":"x"}}'),
    text('the last of two postcodes is wrong', f'{{"postcode":"P","timestamp":{T},"postcode":""}}'),
    field('user_id a word', '"user_id":"x"'), field('user_id a fraction', '"user_id":1.5'),
    field('user_id true', '"user_id":true'), field('user_id an array', '"user_id":[1]'),
    field('user_id beyond 64 bits', '"user_id":99999999999999999999'),
    field('webpage a number', '"webpage":5'), field('webpage an object', '"webpage":{}'),
    field('an open string in another member', '"x":"'), field('a bad number in another member', '"x":1.'),
    field('a bad literal in another member', '"x":nul'), field('NaN in another member', '"x":NaN'),
    field('a raw line break in another string', '"x":"\n"'),
    text('10,000 arrays never closed', '[' * 10_000), text('10,000 objects never closed', '{"a":' * 10_000),
    Case('5 MB of nothing', b'x' * 5_000_000),
    Case('UTF-16', '{"postcode":"P","timestamp":1611662684}'.encode('utf-16')),
]
COUNTED = [
    text('reordered', f'{{"timestamp":{T},"webpage":"w","postcode":"C1","user_id":1}}', 'C1'),
    text('white space everywhere', f' \n{{ "postcode" :\t"C2" , "timestamp"\r\n: {T} }} ', 'C2'),
    text('unknown members',
         f'{{"a":[1,{{"b":[]}}],"postcode":"C3","c":{{"postcode":"no"}},"timestamp":{T},"d":null}}', 'C3'),
    text('escaped names', f'{{"\\u0070ostcode":"C4","t\\u0069mestamp":{T}}}', 'C4'),
    text('escapes in the postcode', f'{{"postcode":"C\\u0035\\/\\"\\\\","timestamp":{T}}}', 'C5/"\\'),
    text('a surrogate pair', f'{{"postcode":"C6\\ud83d\\ude00","timestamp":{T}}}', 'C6\U0001f600'),
    text('64 bytes', f'{{"postcode":"{"C" * 64}","timestamp":{T}}}', 'C' * 64),
    text('the last of two postcodes counts', f'{{"postcode":"no","timestamp":{T},"postcode":"C8"}}', 'C8'),
    text('the last of two timestamps counts', f'{{"postcode":"C9","timestamp":"x","timestamp":{T}}}', 'C9'),
    text('user_id and webpage null', f'{{"postcode":"C10","timestamp":{T},"user_id":null,"webpage":null}}', 'C10'),
    text('user_id digits', f'{{"postcode":"C11","timestamp":{T},"user_id":"1234"}}', 'C11'),
    text('webpage empty', f'{{"postcode":"C12","timestamp":{T},"webpage":""}}', 'C12'),
    text('timestamp an integral float', f'{{"postcode":"C13","timestamp":{T}.0}}', 'C13'),
    text('timestamp digits', f'{{"postcode":"C14","timestamp":"{T}"}}', 'C14'),
    text('webpage of 100 kB', f'{{"postcode":"C15","timestamp":{T},"webpage":"{"w" * 100_000}"}}', 'C15'),
    text('a valid event of 5 MB', f'{{"postcode":"C16","x":"{"w" * 5_000_000}","timestamp":{T}}}', 'C16'),
    text('a name that only begins alike', f'{{"postcode":"C17","postcodes":"no","timestamp":{T},"timestamps":0}}', 'C17'),
    text('an empty name', f'{{"":"","postcode":"C18","timestamp":{T}}}', 'C18'),
]
# The program may accept or reject a value of this depth; it must not crash.
EITHER = [
    text('10,000 arrays in another member', f'{{"postcode":"D1","timestamp":{T},"x":{"[" * 10_000}{"]" * 10_000}}}', 'D1'),
    text('10,000 objects in another member',
         f'{{"postcode":"D2","timestamp":{T},"x":' + '{"a":' * 10_000 + '1' + '}' * 10_001, 'D2'),
]
