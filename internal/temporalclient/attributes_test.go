package temporalclient_test

import (
	"context"
	"strings"
	"testing"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// restricted is a client that may not register anything.
type restricted struct{ client.Client }

func (restricted) OperatorService() operatorservice.OperatorServiceClient { return refusing{} }

type refusing struct {
	operatorservice.OperatorServiceClient
}

func (refusing) AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	return nil, serviceerror.NewPermissionDenied("not for workers", "")
}

// Where workers may not register search attributes it is enough that somebody did; until
// then they say what is to be done.
func TestSearchAttributesOnARestrictedCluster(t *testing.T) {
	t.Parallel()
	namespace := testenv.Temporal(t)
	c := restricted{namespace.Client}
	err := temporalclient.RegisterSearchAttributes(t.Context(), c, namespace.Namespace)
	want := "temporal operator search-attribute create --namespace " + namespace.Namespace + " --name AccountId --type Keyword --name LinkStatus --type Keyword --name OrgId --type Keyword --name Provider --type Keyword"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("before anybody registered them: %v, want the command %q", err, want)
	}
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	if err := temporalclient.RegisterSearchAttributes(t.Context(), c, namespace.Namespace); err != nil {
		t.Errorf("once they are registered: %v", err)
	}
}
