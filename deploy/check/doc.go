// Package check holds what deploys Callweave to what reads it: the manifests to the types of
// Kubernetes' API, the composition to compose's own loader, and both to the programs, which
// are built and run as the images and the composition say. It is a module of its own, so
// that those libraries stay out of the programs' one.
package check
