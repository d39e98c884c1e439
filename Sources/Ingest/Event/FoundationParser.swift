// Resolves a key with escapes with Foundation's JSON decoder.
//
// It gets only the token and never the document: of duplicate keys the decoder takes the first, and it refuses numbers
// beyond a Double anywhere in the document.

import Foundation

enum FoundationParser {
    /// The text of a string token, which includes its quotes and whose syntax was checked; nil when Foundation refuses
    /// it.
    static func string(_ token: Slice<UnsafeRawBufferPointer>) -> String? {
        try? JSONDecoder().decode(String.self, from: Data(token))
    }
}
