import Foundation
import Testing
@testable import Ingest

@Test func probe() throws {
    let docs = [
        #"{"a":1,"a":2}"#, #"{"a":1e999}"#, #"{"a":1e400,"b":1}"#, #"{"a":-}"#, #"{"a":01}"#, #"{"a":-01}"#, #"{"a":1.}"#, #"{"a":.5}"#,
        #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#, #"{"a":"\ud800\u0041"}"#, #"{"a":"\ud83d\ude00"}"#,
        #"{"a":"\u0000"}"#, "{\"a\":\"\u{0}\"}", "{\"a\":\"\u{1}\"}", "{\"a\":\"\u{7f}\"}", "{\"a\":\"\t\"}", "{\"a\":1}\u{0}", "{\"a\":1} \u{c}", "{\"a\":1,}", "[1,]", "[,1]",
        "{'a':1}", "{a:1}", "// c\n{\"a\":1}", "{\"a\":NaN}", "{\"a\":Infinity}", "\u{feff}{\"a\":1}", "1", "\"x\"", "null", "{\"a\":1} {}", "{\"a\":nul}", "{\"a\":nulll}",
        #"{"a":9223372036854775807}"#, #"{"a":9223372036854775808}"#, #"{"a":18446744073709551615}"#, #"{"a":18446744073709551616}"#, #"{"a":-9223372036854775808}"#, #"{"a":-9223372036854775809}"#, #"{"a":123456789012345678901234567890123456789012345678901234567890}"#,
        #"{"a":1.0}"#, #"{"a":1e3}"#, #"{"a":9007199254740993.0}"#, #"{"a":90071992547409930e-1}"#, #"{"a":1.00000000000000000000000000000000000000000000000000001}"#, #"{"a":1e-400}"#, #"{"a":-0}"#, #"{"a":-0.0}"#, #"{"a":0e5}"#, #"{"a":16116626840e-1}"#, #"{"a":0.1e1}"#,#"{"a":0.1}"#, #"{"a":true}"#, #"{"a\/":1}"#, #"{"a":"\q"}"#, #"{"a":"\u00g0"}"#, #"{"a":"\u 123"}"#, #"{"a":"\u+123"}"#, #"{"\ud800":1}"#, #"{"a":1"b":2}"#, "", " ", "{", "{\"a\"}", #"{"a":"\u007F\u0080"}"#,
    ]
    for d in docs {
        var js = "ERR"
        do { let o = try JSONSerialization.jsonObject(with: Data(d.utf8), options: [.fragmentsAllowed])
            if let dict = o as? [String: Any], let v = dict["a"] { js = "\(v) :: \(type(of: v))"; if let n = v as? NSNumber { js += " objCType \(String(cString: n.objCType)) dbl \(n.doubleValue)"} } else { js = "\(o)" } } catch { js = "ERR" }
        var dc = "ERR"
        struct L: Decodable { init(from d: any Decoder) throws { let c = try d.singleValueContainer(); if let s = try? c.decode(String.self) { v = "str \(s.unicodeScalars.map{$0.value})" } else if let b = try? c.decode(Bool.self) { v = "bool \(b)" } else if let i = try? c.decode(Int64.self) { v = "int \(i)" } else if let x = try? c.decode(Decimal.self) { v = "dec \(x)" } else if let x = try? c.decode(Double.self) { v = "dbl \(x)" } else { v = "other" } }; var v = "" }
        do { let o = try JSONDecoder().decode([String: L].self, from: Data(d.utf8)); dc = o["a"]?.v ?? "absent" } catch { dc = "ERR \(String("\(error)".prefix(0)))" }
        struct K: Decodable { var a: L? }
        var dk = "ERR"
        do { let o = try JSONDecoder().decode(K.self, from: Data(d.utf8)); dk = o.a?.v ?? "absent" } catch { }
        print("PROBE", d.debugDescription, "|JS:", js, "|DEC:", dc, "|KEYED:", dk)
    }
    for n in [510, 511, 512, 513, 514] {
        let d = String(repeating: "[", count: n) + String(repeating: "]", count: n)
        let j = (try? JSONSerialization.jsonObject(with: Data(d.utf8))) != nil
        struct Any1: Decodable { init(from d: any Decoder) throws {} }
        let k = (try? JSONDecoder().decode(Any1.self, from: Data(d.utf8))) != nil
        print("PROBE depth", n, j, k)
    }
}
