import KubernetesAPI
import Testing

@Suite struct QuantityTests {
  @Test(
    arguments: [
      ("0", "0"), ("2", "2"), ("500m", "500m"), ("1000m", "1"), ("1500m", "1500m"), ("0.5", "500m"), (".5", "500m"),
      ("1.", "1"), ("2000M", "2G"), ("1024", "1024"), ("1024Ki", "1Mi"), ("1.5Gi", "1536Mi"), ("2048m", "2048m"),
      ("100Ki", "100Ki"), ("0.5Ki", "512"), ("1e3", "1e3"), ("12E6", "12e6"), ("1e-3", "1e-3"), ("-1", "-1"),
      ("+3k", "3k"), ("0.0000000001", "1n"), ("1.0000000001", "1000000001n"), ("8Ei", "9223372036854775807"),
      ("100000000000000000000000", "9223372036854775807"), ("1Ei", "1Ei"), ("-0.5Gi", "-512Mi"),
      ("1234567k", "1234567k"),
      ("0.1Mi", "104857600m"), ("000.000", "0"),
    ] as [(String, String)])
  func canonicalText(text: String, expected: String) throws {
    let quantity = try Quantity(parsing: text)
    #expect(quantity.text == expected)
    #expect(try Quantity(parsing: quantity.text) == quantity)
  }

  @Test(arguments: ["", "m", "1 Gi", "1gi", "1K", "1kk", "1e", "1e1.5", "--1", "1.2.3", "e3", "0x10", "１"])
  func refuses(text: String) {
    #expect(throws: QuantityError.self) { try Quantity(parsing: text) }
  }

  @Test func comparesByValue() throws {
    #expect(try Quantity(parsing: "1Gi") == Quantity(parsing: "1073741824"))
    #expect(try Quantity(parsing: "1.5") == Quantity(milli: 1500))
    #expect(try Quantity(parsing: "999m") < Quantity(1))
    #expect(try Quantity(parsing: "1m").roundedUp == 1)
    #expect(try Quantity(parsing: "1.0005").milliRoundedUp == 1001)
    #expect(try Quantity(parsing: "2Gi").double == 2_147_483_648)
  }
}
