// Lists objects with ListObjectsV2 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html). Requests
// percent-encoded keys, because XML cannot carry every key.

import Base
import HTTP

extension S3Store {
    /// One page of keys; see `ObjectStore`.
    package func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage {
        var request = S3Request(operation: "list", method: "GET", key: nil)
        request.query = [
            ("list-type", "2"), ("encoding-type", "url"), ("max-keys", "\(min(1000, max(1, limit)))"),
            ("prefix", prefix),
        ]
        if let continuation { request.query.append(("continuation-token", continuation)) }
        let response = try await caller.call(request, deadline: caller.deadline())
        do throws(XMLElement.Malformed) {
            let page = try S3Listing.page(try XMLElement.parse(response.body))
            if continuation == nil || page.continuation != continuation { return page }
            throw XMLElement.Malformed(position: 0, what: "it repeats its continuation token")
        } catch {
            throw failure(
                .unavailable, "list", prefix, "the listing is malformed at byte \(error.position): \(error.what)")
        }
    }
}

enum S3Listing {
    /// The page in a ListBucketResult.
    static func page(_ result: XMLElement) throws(XMLElement.Malformed) -> ListPage {
        guard result.name == "ListBucketResult" else { throw malformed("<\(result.name)> is not a listing") }
        let isEncoded = result.text("EncodingType") == "url"
        var objects: [ObjectInfo] = []
        for entry in result.all("Contents") { objects.append(try object(entry, isEncoded: isEncoded)) }
        guard result.text("IsTruncated") == "true" else { return ListPage(objects: objects, continuation: nil) }
        guard let token = result.text("NextContinuationToken"), !token.isEmpty else {
            throw malformed("it is truncated without a continuation token")
        }
        return ListPage(objects: objects, continuation: token)
    }

    private static func object(_ entry: XMLElement, isEncoded: Bool) throws(XMLElement.Malformed) -> ObjectInfo {
        guard let key = entry.text("Key"), let size = entry.text("Size").flatMap({ Int64($0) }), size >= 0 else {
            throw malformed("an entry has no key or no size")
        }
        return ObjectInfo(
            key: isEncoded ? PercentEncoding.decode(key) : key, size: size, etag: entry.text("ETag") ?? "",
            modifiedAt: entry.text("LastModified").flatMap { Instant($0)?.seconds })
    }

    private static func malformed(_ what: String) -> XMLElement.Malformed {
        XMLElement.Malformed(position: 0, what: what)
    }
}
