// Package leaktest says by brute force who may see what: it is the oracle of the
// leak fuzzer, which is this package's test. It looks at every resource, one after
// the other, and knows neither search filters nor databases nor how the server
// decides. What it holds for true is written down here once more, from the
// standards and from what the documents of this project promise.
package leaktest
