// Schemas survive their JSON form; hostile ones are refused.
import Avro
import Foundation
import Testing

@Suite struct AvroSchemaTests {
    private func parse(_ text: String) throws -> AvroSchema { try AvroSchema(json: JSON(parsing: [UInt8](text.utf8))) }

    @Test func `a schema comes back from its JSON form, named types written once`() throws {
        let json = Samples.schema.json
        #expect(try AvroSchema(json: json) == Samples.schema)
        let text = String(decoding: try json.text(), as: UTF8.self)
        #expect(text.components(separatedBy: "\"size\":16").count == 2)
    }

    @Test func `names are found in the namespace around them`() throws {
        let schema = try parse(
            #"{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"fixed","name":"F","size":2}},{"name":"y","type":"F"},{"name":"z","type":"a.F"}]}"#
        )
        guard case .record(let record) = schema else { return }
        #expect(record.fields.allSatisfy { $0.schema == .fixed(name: "a.F", size: 2) })
    }

    @Test(arguments: [
        (#"{"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]}]}"#, "the type R contains itself"),
        (#""nothing""#, "the schema names the unknown type 'nothing'"),
        (#"{"type":"fixed","name":"F"}"#, "the fixed F has no size"),
        (#"{"type":"array"}"#, "a schema object has no 'items'"),
        ("[3]", "a schema must be a name, a list or an object"),
    ])
    func `a schema that cannot be is refused`(text: String, reason: String) throws {
        let error = #expect(throws: AvroError.self) { try parse(text) }
        #expect(error?.reason == reason)
    }

    @Test func `a schema that nests without end or doubles with every name is refused`() throws {
        let deep =
            String(repeating: #"{"type":"array","items":"#, count: 100) + "\"int\"" + String(repeating: "}", count: 100)
        #expect(throws: AvroError.self) { try parse(deep) }
        var text = #"{"type":"record","name":"T0","fields":[{"name":"a","type":"int"}]}"#
        for level in 1...30 {
            text =
                #"{"type":"record","name":"T\#(level)","fields":[{"name":"a","type":\#(text)},{"name":"b","type":"T\#(level - 1)"}]}"#
        }
        #expect(throws: AvroError.self) { try parse(text) }
    }
}
