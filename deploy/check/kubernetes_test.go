package check

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"callweave/internal/config"
)

// decode reads manifests as the API server does with strict validation: an unknown or double
// field is an error.
func decode(t *testing.T, manifests []byte) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, manifest := range bytes.Split(manifests, []byte("\n---\n")) {
		text, err := yaml.YAMLToJSONStrict(manifest)
		if err != nil {
			t.Fatalf("%v in\n%s", err, manifest)
		}
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			t.Errorf("%v in\n%s", err, manifest)
			continue
		}
		objects = append(objects, object)
	}
	return objects
}

// base is what `kubectl apply -k deploy/kubernetes/base` would send.
func base(t *testing.T) []runtime.Object {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes/base")
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

// Every file is strictly what the API takes, listed in the base, and the base has what a
// deployment needs.
func TestManifests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../kubernetes/base/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests", err)
	}
	apart := 0
	for _, file := range append(files, "../kubernetes/secret.example.yaml") {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		apart += len(decode(t, text))
	}
	objects := base(t)
	if len(objects) != apart-1 { // the example of a secret is not part of it
		t.Errorf("the base has %d objects, the files %d", len(objects), apart-1)
	}
	kinds := map[string]int{}
	for _, object := range objects {
		kinds[object.GetObjectKind().GroupVersionKind().Kind]++
	}
	for kind, want := range map[string]int{
		"Namespace": 1, "ConfigMap": 1, "Job": 1, "Deployment": 2, "Service": 1, "Ingress": 1, "NetworkPolicy": 3, "PodDisruptionBudget": 2, "HorizontalPodAutoscaler": 1,
	} {
		if kinds[kind] != want {
			t.Errorf("%d of %s, want %d", kinds[kind], kind, want)
		}
	}
}

// pods are the pods that run our programs.
func pods(t *testing.T) map[string]corev1.PodSpec {
	t.Helper()
	all := map[string]corev1.PodSpec{}
	for _, object := range base(t) {
		switch o := object.(type) {
		case *appsv1.Deployment:
			all[o.Name] = o.Spec.Template.Spec
			if !labelsMatch(o.Spec.Selector.MatchLabels, o.Spec.Template.Labels) {
				t.Errorf("%s: the selector does not select its pods", o.Name)
			}
		case *batchv1.Job:
			all[o.Name] = o.Spec.Template.Spec
		}
	}
	return all
}

func labelsMatch(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// Pods are as the level "restricted" of the pod security standards wants them, keep within
// limits, and are asked how they are; every variable is one that the program knows, and every
// file of a secret is one that the example has.
func TestPods(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"GOMEMLIMIT": true, "METRICS_ADDR": true, "OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_EXPORTER_OTLP_PROTOCOL": true}
	for _, v := range append(config.Variables[config.Worker](), config.Variables[config.Starter]()...) {
		known[v.Name], known[v.Name+"_FILE"] = true, true
	}
	example, err := os.ReadFile("../kubernetes/secret.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	secret := decode(t, example)[0].(*corev1.Secret)
	for name, pod := range pods(t) {
		context := pod.SecurityContext
		if context == nil || context.RunAsNonRoot == nil || !*context.RunAsNonRoot || context.SeccompProfile == nil || context.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod is not restricted", name)
		}
		if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
			t.Errorf("%s: the pod has a token of the cluster's API", name)
		}
		for _, c := range pod.Containers {
			s := c.SecurityContext
			if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
				s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") {
				t.Errorf("%s: the container is not restricted", name)
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s: no limits", name)
			}
			if limit := memoryLimit(c.Env); name != "callweave-migrate" && (limit <= 0 || limit > c.Resources.Limits.Memory().Value()*9/10) {
				t.Errorf("%s: Go collects at %d bytes, the kernel kills at %s", name, limit, c.Resources.Limits.Memory())
			}
			if name != "callweave-migrate" && (c.LivenessProbe == nil || c.ReadinessProbe == nil || c.StartupProbe == nil) {
				t.Errorf("%s: nobody asks how it is", name)
			}
			for _, env := range c.Env {
				if !known[env.Name] {
					t.Errorf("%s: no program knows %s", name, env.Name)
				}
			}
		}
		for _, volume := range pod.Volumes {
			for _, item := range volume.Secret.Items {
				if _, ok := secret.StringData[item.Key]; !ok {
					t.Errorf("%s: the example of a secret lacks %s", name, item.Key)
				}
			}
		}
	}
	for _, object := range base(t) {
		if m, ok := object.(*corev1.ConfigMap); ok {
			for name := range m.Data {
				if !known[name] {
					t.Errorf("no program knows %s", name)
				}
			}
		}
	}
}

// memoryLimit is the GOMEMLIMIT of a container in bytes; 0 where it has none.
func memoryLimit(env []corev1.EnvVar) int64 {
	for _, variable := range env {
		if mebibytes, ok := strings.CutSuffix(variable.Value, "MiB"); ok && variable.Name == "GOMEMLIMIT" {
			n, err := strconv.ParseInt(mebibytes, 10, 64)
			if err == nil {
				return n << 20
			}
		}
	}
	return 0
}

// A rollout and a drained node leave pods that work: there are two at least, a budget keeps one,
// a new one comes before an old one goes, and each has longer to stop than it takes.
func TestPodsGoInTheirTurn(t *testing.T) {
	t.Parallel()
	budgets, replicas := map[string]*policyv1.PodDisruptionBudget{}, map[string]int32{}
	var deployments []*appsv1.Deployment
	for _, object := range base(t) {
		switch o := object.(type) {
		case *policyv1.PodDisruptionBudget:
			budgets[o.Name] = o
		case *autoscalingv2.HorizontalPodAutoscaler:
			replicas[o.Spec.ScaleTargetRef.Name] = *o.Spec.MinReplicas
		case *appsv1.Deployment:
			deployments = append(deployments, o)
			if o.Spec.Replicas != nil {
				if replicas[o.Name] != 0 {
					t.Errorf("%s: the autoscaler and the deployment both say how many", o.Name)
				}
				replicas[o.Name] = *o.Spec.Replicas
			}
		}
	}
	for _, d := range deployments {
		budget := budgets[d.Name]
		if budget == nil || !labelsMatch(budget.Spec.Selector.MatchLabels, d.Spec.Template.Labels) {
			t.Errorf("%s: no budget", d.Name)
			continue
		}
		if replicas[d.Name] < 2 {
			t.Errorf("%s: %d pods", d.Name, replicas[d.Name])
		}
		if policy := budget.Spec.UnhealthyPodEvictionPolicy; policy == nil || *policy != policyv1.AlwaysAllow {
			t.Errorf("%s: a pod that never gets ready blocks the drain of its node", d.Name)
		}
		if u := d.Spec.Strategy.RollingUpdate; u == nil || u.MaxUnavailable.IntValue() != 0 || u.MaxSurge.IntValue() < 1 {
			t.Errorf("%s: a rollout takes pods away before others are there", d.Name)
		}
		// STOP_TIMEOUT's default, and the starter's requests: 20 and 30 seconds.
		if grace := d.Spec.Template.Spec.TerminationGracePeriodSeconds; grace == nil || *grace < 35 {
			t.Errorf("%s: killed before it has stopped", d.Name)
		}
	}
}
