import KubernetesAPI

/// The canonical text of a quantity (`1000m` is `1`, `0.5` is `500m`); nil when it is none.
func canonicalQuantity(_ text: String) -> String? { quantity(text)?.description }

func quantity(_ text: String) -> Quantity? {
  do throws(QuantityError) { return try Quantity(parsing: text) } catch { return nil }
}
