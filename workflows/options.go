package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Every preset of activity options, named by what the activity is to do. A summary is
// shown in the UI beside the activity: ids and counts only.
//
// A preset never sets ScheduleToStart: waiting in a queue is normal and that timeout is
// not retried. Non-retryable types come with the error itself (activities/errors.go).

// Priorities, where the server has them enabled: 1 is served first.
const (
	priorityDeboard   = 1
	priorityAuthorize = 2
	priorityHarvest   = 4
	prioritySweep     = 5
)

// PriorityOf is that of what is done for an account or an org over and over: whoever waits
// for something else goes first, and among these the server takes turns, so that one that
// has much to do delays no other. Where the server is not set up for it, it is ignored.
func PriorityOf(key string) temporal.Priority {
	key = key[max(0, len(key)-maxFairnessKey):] // the end tells accounts apart
	return temporal.Priority{PriorityKey: priorityHarvest, FairnessKey: key}
}

// maxFairnessKey is what Temporal takes (api, common.v1.Priority.fairness_key), in bytes.
const maxFairnessKey = 64

// landFor is how long a grant waits for the provider to say whose it is: an access token
// lives an hour, and its administrator does not wait longer to begin again.
const landFor = time.Hour

// exchangeFor is how long an authorization code is tried: Zoom's live five minutes.
const exchangeFor = 4 * time.Minute

// AuthorizeFor is how long an Authorize workflow asks a provider, at most.
const AuthorizeFor = exchangeFor + landFor

// revokeFor is how long a provider that does not answer is asked to end a grant.
const revokeFor = 7 * 24 * time.Hour

// bookkeeping is for short, idempotent work on our own database and on Temporal. It is
// retried until it works.
func bookkeeping(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// authorizing is for the exchange of an authorization code while an administrator waits
// in front of a browser.
func authorizing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                summary,
		StartToCloseTimeout:    45 * time.Second,
		ScheduleToCloseTimeout: exchangeFor,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, MaximumInterval: 10 * time.Second},
		Priority:               temporal.Priority{PriorityKey: priorityAuthorize},
	})
}

// looking is for what is done for every account all the time: some statements and, where
// all is as usual, a few requests to a provider within a minute. It is retried until it
// works. A worker that dies is missed after two minutes, before the run's claim ends.
func looking(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 2 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:            PriorityOf(key),
	})
}

// landing is for a grant that is there and whose account the provider does not name, while
// the administrator is told that it is pending.
func landing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                summary,
		StartToCloseTimeout:    45 * time.Second,
		ScheduleToCloseTimeout: landFor,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 5 * time.Second, MaximumInterval: time.Minute},
		Priority:               temporal.Priority{PriorityKey: priorityAuthorize},
	})
}

// harvesting is for a bounded slice of requests to a provider that heartbeats. The
// harvest is bounded by its own next run, so a slice gives up after a few attempts.
func harvesting(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 2 * time.Second, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Priority:            PriorityOf(key),
	})
}

// listing is for one window's lists, which are read from their first page at every attempt:
// at the 12 pages of 300 a minute that the client asks for, there is time for 100,000
// meetings.
func listing(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithStartToCloseTimeout(harvesting(ctx, key, summary), 30*time.Minute)
}

// watching is for one slice of requests for what is asked for again with the next pass.
func watching(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithRetryPolicy(harvesting(ctx, key, summary), temporal.RetryPolicy{InitialInterval: 2 * time.Second, MaximumAttempts: 2})
}

// collecting is for one poll of an org's network: the next poll is never far away.
func collecting(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 2 * time.Second, MaximumInterval: 30 * time.Second, MaximumAttempts: 3},
		Priority:            PriorityOf(key),
	})
}

// weaving is for one bounded batch of joins in our own database.
func weaving(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Priority:            PriorityOf(key),
	})
}

// training is for fitting a model to some hundred thousand minutes. The next day's is never
// far away.
func training(ctx workflow.Context, key, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Second, MaximumInterval: 5 * time.Minute, MaximumAttempts: 5},
		Priority:            PriorityOf(key),
	})
}

// erasing is for batches of an erasure. It is retried until it works: an erasure that
// gave up would leave data behind. Batches end within seconds; counting all rows before
// the first may take long, and a heartbeat tells that it goes on.
func erasing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
		Priority:            temporal.Priority{PriorityKey: priorityDeboard},
	})
}

// sweeping is for one look at the executions that are to be deleted, however many. It is
// retried until it works.
func sweeping(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Minute},
		Priority:            temporal.Priority{PriorityKey: prioritySweep},
	})
}

// expiring is for removing a day of what is no longer kept, however much. The next run goes
// on with what this one leaves.
func expiring(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    3 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Second, MaximumInterval: 10 * time.Minute, MaximumAttempts: 5},
		Priority:            temporal.Priority{PriorityKey: prioritySweep},
	})
}

// resealing is for a batch of values that are sealed anew. A worker whose keyset has
// another primary key leaves it to others, so it is retried until one takes it.
func resealing(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// receiving is for what a webhook calls for. It gives up soon: the event stays in the
// inbox, and the next run is a minute away.
func receiving(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             summary,
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second, MaximumAttempts: 3},
	})
}

// revoking is for ending a grant at a provider that may be down for days. By then its
// access token is long dead; the refresh token lives on for up to 90.
func revoking(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:                summary,
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: revokeFor,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 5 * time.Second, MaximumInterval: time.Hour},
		Priority:               temporal.Priority{PriorityKey: priorityDeboard},
	})
}
