// Checks a topic's name by the brokers' rules, before connecting to one.

/// Names of topics.
package enum TopicName {
    /// - Parameter option: the option that set the name, for the message.
    /// - Throws: `KafkaError` with `isInvalidSetting` for a name that brokers reject.
    package static func check(_ name: String, option: String = "topic") throws {
        let isLegal = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isLegal, (1...249).contains(name.utf8.count), name != ".", name != ".." else {
            throw KafkaError(
                "\(name.debugDescription) cannot be the name of a topic; "
                    + "give --\(option) 1 to 249 letters, digits, dots, dashes or underscores")
        }
    }
}
