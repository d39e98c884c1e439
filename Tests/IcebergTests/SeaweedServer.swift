// One SeaweedFS for the tests that need S3 and a REST catalog, on free ports, ended with this process.
import Avro
import Foundation
import HTTP
import Iceberg
import ObjectStorage

struct SeaweedServer {
    let s3: String
    let catalog: String

    static let shared = Result { try SeaweedServer() }

    private init() throws {
        let run = FileManager.default.temporaryDirectory.appending(path: "iceberg-tests-s3-\(UUID().uuidString)").path
        let venv = URL(filePath: PythonLake.interpreter).deletingLastPathComponent().deletingLastPathComponent().path
        let script = PythonLake.folder.appending(path: "../../scripts/start-s3.sh").standardizedFileURL.path
        let owner = "\(ProcessInfo.processInfo.processIdentifier)"
        // The script ends the server with this process; the folder goes a little later.
        let command = """
            bash "$1" "$2" "$3" --port-base auto --owner "$4"
            (while kill -0 "$4" 2>/dev/null; do sleep 1; done; sleep 5; rm -rf "$3") </dev/null >/dev/null 2>&1 &
            """
        let child = try ChildProcess("/usr/bin/env", ["bash", "-c", command, "start-s3", script, venv, run, owner])
        s3 = String(try child.line().dropFirst("S3_ENDPOINT=".count))
        catalog = String(try child.line().dropFirst("CATALOG_ENDPOINT=".count))
    }

    /// A catalog with credentials, and the files it and the tables are in.
    func open() throws -> (catalog: RESTCatalog, files: TableFiles) {
        let client = try HTTPClient()
        let credentials = Credentials(accessKeyID: "testkey", secretAccessKey: "testsecret")
        let opener = StorageOpener(
            settings: S3Settings(endpoint: s3, pathStyle: true, credentials: .fixed(credentials)), client: client)
        let settings = RESTSettings(
            address: catalog, warehouse: "s3://warehouse",
            authorization: .clientCredentials(id: "testkey", secret: "testsecret", scope: "catalog", server: nil))
        return (RESTCatalog(settings: settings, client: client), TableFiles(roots: [], opener: opener))
    }

    /// What pyiceberg needs to reach the buckets.
    var properties: JSON {
        .object([
            "s3.endpoint": .string(s3), "s3.access-key-id": .string("testkey"),
            "s3.secret-access-key": .string("testsecret"), "s3.region": .string("us-east-1"),
        ])
    }

    /// A command of lake.py on a table of the catalog.
    @discardableResult
    func call(_ lake: PythonLake, _ command: String, _ table: TableIdentifier, _ argument: JSON? = nil) throws -> JSON {
        try lake.call(
            command,
            [
                .string(catalog), .string("s3://warehouse"), .string("testkey:testsecret"), properties,
                .string(table.namespace[0]), .string(table.name),
            ] + (argument.map { [$0] } ?? []))
    }
}
