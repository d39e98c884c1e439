import Testing
@testable import State
