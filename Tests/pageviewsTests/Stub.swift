import Testing
@testable import pageviews
