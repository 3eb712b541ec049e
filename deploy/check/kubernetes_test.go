package check

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
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
