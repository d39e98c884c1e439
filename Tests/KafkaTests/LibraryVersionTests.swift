// What is said about a librdkafka that is too old.

import Base
import Testing

@testable import Kafka

@Suite("librdkafka's version")
struct LibraryVersionTests {
    @Test(
        arguments: [
            (0x0200_02ff, ["sasl"], 3),  // Debian 12's
            (0x0201_00ff, ["sasl", "oidc"], 1),
            (0x0206_00ff, ["sasl", "oidc"], 1),
            (0x0206_01ff, ["sasl", "oidc"], 0),
            (0x020f_01ff, ["sasl", "oidc"], 0),
            (0x020f_01ff, ["sasl"], 1),
        ] as [(Int32, [String], Int)])
    func whatAnOldOneLacks(version: Int32, features: [String], count: Int) {
        #expect(lacks(version: version, features: Set(features)).count == count)
    }

    @Test func theLinkedOneNamesItselfAndItsFeatures() {
        #expect(libraryVersion.split(separator: ".").count >= 3)
        #expect(builtInFeatures().contains("ssl"))
    }
}
