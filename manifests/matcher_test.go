package manifests_test

import (
	"context"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

// oldestKubernetes is the first release whose API server knows match conditions for good.
var oldestKubernetes = version.MajorMinor(1, 30)

// compile does what the API server does with a webhook's match conditions, with only the CEL of the oldest release.
func compile(webhook admissionregistrationv1.ValidatingWebhook) matchconditions.Matcher {
	var expressions []cel.ExpressionAccessor
	for _, c := range webhook.MatchConditions {
		expressions = append(expressions, &matchconditions.MatchCondition{Name: c.Name, Expression: c.Expression})
	}
	compiler := cel.NewConditionCompiler(environment.MustBaseEnvSet(oldestKubernetes))
	variables := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	evaluator := compiler.CompileCondition(expressions, variables, environment.NewExpressions)
	return matchconditions.NewMatcher(evaluator, webhook.FailurePolicy, "webhook", "validating", webhook.Name)
}

// match asks whether the webhook would be called for a create of this object.
func match(ctx context.Context, matcher matchconditions.Matcher, object map[string]any) matchconditions.MatchResult {
	return matcher.Match(ctx, create(object), nil, nil)
}

// create is a request to create this object.
func create(object map[string]any) *admission.VersionedAttributes {
	u := &unstructured.Unstructured{Object: object}
	kind := helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind)
	resource := helmv2.GroupVersion.WithResource(resourceOf(helmv2.HelmReleaseKind))
	attributes := admission.NewAttributesRecord(u, nil, kind, u.GetNamespace(), u.GetName(), resource, "",
		admission.Create, nil, false, &user.DefaultInfo{})
	return &admission.VersionedAttributes{Attributes: attributes, VersionedKind: kind, VersionedObject: admission.NewLazyObject(u)}
}
