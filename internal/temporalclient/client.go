package temporalclient

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/vault"
	"callweave/workflows"
)

// searchAttributes are the ones our workflows carry. Self-hosted visibility stores have
// few columns per type: these four are the whole budget.
func searchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.ProviderKey.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AccountIDKey.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.OrgIDKey.GetName():      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.LinkStatusKey.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
}

// Options reads Temporal's own environment variables and profiles (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_TLS…), which programs share with the temporal command.
func Options() (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return options, fmt.Errorf("read Temporal's variables: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

// Dial connects with given options; what makes a client ours is set over them.
func Dial(ctx context.Context, options client.Options, master *vault.Master, logger *slog.Logger) (client.Client, error) {
	tracing, err := newTracing()
	if err != nil {
		return nil, fmt.Errorf("trace Temporal calls: %w", err)
	}
	converter := NewDataConverter(master)
	options.DataConverter = converter
	// Failures carry messages and stack traces: sealed like every payload.
	options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: converter, EncodeCommonAttributes: true,
	})
	options.Interceptors = append(options.Interceptors, tracing)
	options.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		UseMonotonicCounters: true, // a rate of what is no counter cannot be trusted after a restart
		OnError:              func(err error) { logger.WarnContext(ctx, "metric was not recorded", "error", err) },
	})
	options.Logger = log.NewStructuredLogger(logger)

	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", options.HostPort, err)
	}
	return c, nil
}

// RegisterSearchAttributes makes the attributes known to the namespace. Where they are
// known already nothing is registered: it takes rights that a worker need not have. A
// refusal says which command an operator has to run.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	if searchAttributesKnown(ctx, c, namespace) {
		return nil
	}
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: searchAttributes(),
	})
	if err != nil {
		return fmt.Errorf("register search attributes (an operator can: %s): %w", registerCommand(namespace), err)
	}
	return nil
}

// searchAttributesKnown asks by a search, which whoever may run workflows may do: one that
// names an unknown attribute is refused.
func searchAttributesKnown(ctx context.Context, c client.Client, namespace string) bool {
	var terms []string
	for _, name := range slices.Sorted(maps.Keys(searchAttributes())) {
		terms = append(terms, name+" = 'none'")
	}
	_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: namespace, Query: strings.Join(terms, " and "),
	})
	return err == nil
}

func registerCommand(namespace string) string {
	command := []string{"temporal operator search-attribute create --namespace " + namespace}
	for _, name := range slices.Sorted(maps.Keys(searchAttributes())) {
		command = append(command, "--name "+name+" --type Keyword")
	}
	return strings.Join(command, " ")
}

// Check reports whether the cluster answers and the namespace exists.
func Check(c client.Client, namespace string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		if err != nil {
			return fmt.Errorf("describe namespace %s: %w", namespace, err)
		}
		return nil
	}
}
