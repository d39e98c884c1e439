// The postcode districts (outward codes) of the United Kingdom that generated events name.
// The table has Royal Mail's postcode areas with a number of districts each; not every district in a range exists.

/// Lists postcodes.
enum Postcodes {
    /// Area letters with the highest district number.
    private static let areas: [(String, Int)] = [
        ("SW", 20), ("SE", 28), ("E", 20), ("N", 22), ("NW", 11), ("W", 14), ("EC", 4), ("WC", 2), ("B", 98), ("M", 46),
        ("L", 40), ("LS", 29), ("S", 36), ("G", 84), ("EH", 55), ("CF", 48), ("BS", 49), ("NE", 49), ("NG", 34),
        ("LE", 19), ("CV", 47), ("BD", 24), ("BT", 94), ("AB", 56), ("AL", 10), ("BA", 22), ("BB", 18), ("BH", 31),
        ("BL", 9), ("BN", 45), ("BR", 8), ("CA", 28), ("CB", 25), ("CH", 66), ("CM", 24), ("CO", 16), ("CR", 9),
        ("CT", 21), ("CW", 12), ("DA", 18), ("DD", 11), ("DE", 75), ("DG", 16), ("DH", 9), ("DL", 17), ("DN", 41),
        ("DT", 11), ("DY", 14), ("EN", 11), ("EX", 39), ("FK", 21), ("FY", 8), ("GL", 56), ("GU", 52), ("HA", 9),
        ("HD", 9), ("HG", 5), ("HP", 27), ("HR", 9), ("HS", 9), ("HU", 20), ("HX", 7), ("IG", 11), ("IP", 33),
        ("IV", 63), ("KA", 30), ("KT", 24), ("KW", 17), ("KY", 16), ("LA", 23), ("LD", 8), ("LL", 78), ("LN", 13),
        ("LU", 7), ("ME", 20), ("MK", 46), ("ML", 12), ("NN", 29), ("NP", 44), ("NR", 35), ("OL", 16), ("OX", 49),
        ("PA", 78), ("PE", 38), ("PH", 50), ("PL", 35), ("PO", 41), ("PR", 9), ("RG", 45), ("RH", 20), ("RM", 20),
        ("SA", 73), ("SG", 19), ("SK", 23), ("SL", 9), ("SM", 7), ("SN", 26), ("SO", 53), ("SP", 11), ("SR", 8),
        ("SS", 17), ("ST", 21), ("SY", 25), ("TA", 24), ("TD", 15), ("TF", 13), ("TN", 40), ("TQ", 14), ("TR", 27),
        ("TS", 29), ("TW", 20), ("UB", 11), ("WA", 16), ("WD", 25), ("WF", 17), ("WN", 8), ("WR", 15), ("WS", 15),
        ("WV", 16), ("YO", 62), ("ZE", 3),
    ]

    /// `count` different postcodes: districts first, then sectors of districts (`SW19 1`), then made-up ones (`SW19
    /// 10Z`).
    static func list(_ count: Int) -> [String] {
        let districts = areas.flatMap { area in (1...area.1).map { "\(area.0)\($0)" } }
        // A fixed order that mixes the areas, so that every prefix of the list covers the country.
        var order = SeededGenerator(seed: 0x55_4B)
        var list = districts.shuffled(using: &order)
        var round = 0
        while list.count < count {
            let suffix = round < 10 ? " \(round)" : " \(round)Z"
            list += districts.map { $0 + suffix }
            round += 1
        }
        return Array(list.prefix(count))
    }
}
