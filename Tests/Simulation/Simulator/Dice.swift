// Seeded randomness, and which faults a seed has.
//
// Invariants: every decision of a simulation comes from its seed; each kind of decision has a stream of its own, so that a
// kind that is switched off leaves the others as they were.

/// A generator that is small and good enough (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each name.
    init(seed: UInt64, stream: String) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        self.init(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ hash)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in `range`.
    mutating func number(_ range: Range<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound))
    }

    /// True with this probability.
    mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) / Double(1 << 53) < probability
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(0..<elements.count)] }
}

/// What can go wrong. Each kind is on in about half of the seeds.
package enum Fault: String, CaseIterable, Sendable {
    case kill = "process killed"
    case killInWrite = "process killed in a write"
    case powerCut = "power cut"
    case gracefulRestart = "restart"
    case diskFull = "disk full"
    case writeFails = "write fails"
    case syncFails = "fsync fails"
    case shortWrite = "short write"
    case brokerAway = "broker away"
    case leaderChange = "leader change"
    case highWatermarkLags = "records above the high watermark"
    case hangingTransaction = "hanging transaction"
    case duplicates = "records delivered twice"
    case reordered = "partitions in another order"
    case retention = "records deleted by the broker"
    case truncated = "log truncated"
    case recreated = "topic created again"
    case newPartition = "partition added"
    case commitRefused = "offset commit refused"
    case storeBefore = "storage error before the effect"
    case storeAfter = "storage answer lost after the effect"
    case storeUnknown = "storage answer lost before the effect"
    case catalogBefore = "catalog error before the effect"
    case catalogAfter = "catalog answer lost after the effect"
    case catalogUnknown = "catalog answer lost before the effect"
    case foreignExpiry = "snapshots expired by another program"
    case foreignProperty = "table changed by another program"
    case foreignUpgrade = "table upgraded by another program"
    case foreignSpec = "partition spec changed by another program"
    case foreignRollback = "table rolled back by another program"
    case producerSlow = "acknowledgements delayed"
    case producerBlind = "acknowledgement without an offset"
    case producerZombie = "request of a dead publisher arrives late"
    case clockJump = "clock jump"
    case secondWriter = "second writer"
    case spoolLost = "spool file removed"
    case stateLost = "state lost and restored"
    case catalogLate = "catalog request arrives late"
    case hiddenRollback = "table rolled back and its newest snapshot expired by another program"
}

/// The faults of one seed, and how often each happened.
final class FaultPlan {
    private var rates: [Fault: Double] = [:]
    private var dice: [Fault: Dice] = [:]
    private(set) var happened: [Fault: Int] = [:]
    /// Off during checks and at the end.
    var isOn = true

    /// - Parameter only: the kinds that may be on; nil: those that the seed chooses.
    init(seed: UInt64, only: Set<Fault>?) {
        var swarm = Dice(seed: seed, stream: "swarm")
        for fault in Fault.allCases {
            let isOn = swarm.chance(0.5)
            let rate = [0.003, 0.01, 0.03, 0.08][swarm.number(0..<4)]
            guard isOn, only?.contains(fault) ?? true else { continue }
            rates[fault] = rate
            dice[fault] = Dice(seed: seed, stream: fault.rawValue)
        }
    }

    /// The kinds that are on.
    var kinds: Set<Fault> { Set(rates.keys) }

    /// Whether the fault happens now. Counts it.
    func strikes(_ fault: Fault, factor: Double = 1) -> Bool {
        guard isOn, let rate = rates[fault], dice[fault]?.chance(rate * factor) == true else { return false }
        count(fault)
        return true
    }

    func count(_ fault: Fault) { happened[fault, default: 0] += 1 }
}
