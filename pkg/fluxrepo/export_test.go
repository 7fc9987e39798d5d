package fluxrepo

import "context"

// BuiltinsNeeded tells whether a check needs kustomize's schema of Kubernetes' own kinds.
func BuiltinsNeeded(ctx context.Context, o Options) (bool, error) {
	inputs, err := o.inputs()
	if err != nil {
		return false, err
	}
	g, err := inputs[0].open(ctx, o)
	if err != nil {
		return false, err
	}
	err = g.check(inputs[0], &Result{})
	return g.builtins, err
}
