// Package explain says in numbers why a minute of a call was bad: how much of its latency,
// jitter or loss each thing that was known of the device, the radio and the uplink has
// added, and in which bucket that is fixed.
//
// [Train] fits a [Model] to the call minutes of one org. [Model.Judge] gives a [Verdict]
// for each bad minute; [Model.Explain] and [Model.ExplainBad] give single predictions in
// parts, which always add up:
//
//	expected + sum of contributions = predicted
//	observed - predicted            = unexplained
//
// A model is a sum of one shape per feature and target, so the parts are the model itself
// and not an estimate. Expected is what good minutes at the same place (site and data
// center) have; a contribution is what the feature adds to that, so what a minute would
// have been with the feature healthy is observed less its contribution.
//
// It computes only: no I/O, no clock, no randomness but that of a seed.
package explain
