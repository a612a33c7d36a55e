import InMemoryKubernetes
import KubernetesAPI
import Testing

/// Requests in somebody else's name.
@Suite struct ImpersonationTests {
  private func send(
    _ test: inout TestServer, as headers: [(name: String, value: String)], by user: APIUser = .administrator,
    _ method: String = "GET", _ target: String = configMaps, _ body: APIRequest.Body = .empty
  ) -> APIResponse {
    test.server.handle(
      APIRequest(
        method: method, target: target, headers: [("content-type", "application/json")] + headers,
        identity: .user(user), body: body), at: test.now)
  }

  @Test func hasTheRightsOfTheOther() {
    var test = TestServer()
    let refused = send(&test, as: [("impersonate-user", "bob")])
    #expect(refused.status == 403)
    #expect(refused.json?["message"]?.stringValue?.contains("User \"bob\" cannot list resource \"configmaps\"") == true)
    #expect(send(&test, as: [("impersonate-user", "bob"), ("impersonate-group", "system:masters")]).status == 200)
  }

  @Test func isWhoItSaysItIs() {
    var test = TestServer()
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    func user(_ headers: [(name: String, value: String)], _ test: inout TestServer) -> JSONValue? {
      send(&test, as: headers, "POST", path, .json([:])).json?["status", "userInfo"]
    }
    let account = user([("impersonate-user", "system:serviceaccount:default:x")], &test)
    #expect(account?["username"] == "system:serviceaccount:default:x")
    #expect(
      account?["groups"]
        == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    let person = user(
      [("impersonate-user", "bob"), ("impersonate-group", "dev"), ("impersonate-extra-a%2fb", "c")], &test)
    #expect(person?["groups"] == ["dev", "system:authenticated"])
    #expect(person?["extra"] == ["a/b": ["c"]])
  }

  @Test func needsTheRightTo() {
    var test = TestServer()
    let nobody = APIUser(name: "eve", groups: ["system:authenticated"])
    let refused = send(&test, as: [("impersonate-user", "bob")], by: nobody)
    #expect(refused.status == 403)
    #expect(
      refused.json?["message"]
        == "users \"bob\" is forbidden: User \"eve\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
    )
    let group = send(&test, as: [("impersonate-group", "system:masters")], by: nobody)
    #expect(group.status == 500)
  }
}
