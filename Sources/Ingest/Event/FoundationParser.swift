// The fallback: what a key with escapes is called, according to Foundation's JSON.
//
// Only the token goes there, never the document: of duplicated keys Foundation's decoder takes the first, and it refuses
// numbers beyond a Double anywhere in the document. Where the value stands and which one wins stays the scanner's business.

import Foundation

enum FoundationParser {
    /// The text of a string token, its quotes included, whose syntax was checked; nil when Foundation refuses it.
    static func string(_ token: Slice<UnsafeRawBufferPointer>) -> String? {
        try? JSONDecoder().decode(String.self, from: Data(token))
    }
}
