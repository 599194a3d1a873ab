package storetest

var (
	historyCases, transactionCases, expungeCases, keepingCases []testCase
)
