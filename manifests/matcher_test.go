package manifests_test

import (
	"context"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

// oldestKubernetes is the first release whose API server knows match conditions for good.
var oldestKubernetes = version.MajorMinor(1, 30)

// compile does what the API server does with a webhook's match conditions, with only the CEL of the oldest release. An
// expression that errors shows as an error, whatever the webhook's failure policy.
func compile(webhook admissionregistrationv1.ValidatingWebhook) matchconditions.Matcher {
	var expressions []cel.ExpressionAccessor
	for _, c := range webhook.MatchConditions {
		expressions = append(expressions, &matchconditions.MatchCondition{Name: c.Name, Expression: c.Expression})
	}
	compiler := cel.NewConditionCompiler(environment.MustBaseEnvSet(oldestKubernetes))
	variables := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	evaluator := compiler.CompileCondition(expressions, variables, environment.NewExpressions)
	return matchconditions.NewMatcher(evaluator, new(admissionregistrationv1.Fail), "webhook", "validating", webhook.Name)
}

// match asks whether the webhook would be called for a create of this HelmRelease, or an update of an old one to it.
func match(ctx context.Context, matcher matchconditions.Matcher, object, old map[string]any) matchconditions.MatchResult {
	return matcher.Match(ctx, releaseRequest(object, old), nil, nil)
}

// create is a request to create this HelmRelease.
func create(object map[string]any) *admission.VersionedAttributes { return releaseRequest(object, nil) }

func releaseRequest(object, old map[string]any) *admission.VersionedAttributes {
	u := &unstructured.Unstructured{Object: object}
	if old == nil {
		return request(helmv2.HelmReleaseKind, u.GetNamespace(), u.GetName(), u, nil)
	}
	return request(helmv2.HelmReleaseKind, u.GetNamespace(), u.GetName(), u, &unstructured.Unstructured{Object: old})
}

// matchConfigMap is match for a ConfigMap; without an old one, old is nil.
func matchConfigMap(ctx context.Context, matcher matchconditions.Matcher, cm, old *corev1.ConfigMap) matchconditions.MatchResult {
	if old == nil {
		return matcher.Match(ctx, request("ConfigMap", cm.Namespace, cm.Name, cm, nil), nil, nil)
	}
	return matcher.Match(ctx, request("ConfigMap", cm.Namespace, cm.Name, cm, old), nil, nil)
}

// matchDaemonSet is match for a DaemonSet; without an old one, old is nil.
func matchDaemonSet(ctx context.Context, matcher matchconditions.Matcher, ds, old *appsv1.DaemonSet) matchconditions.MatchResult {
	if old == nil {
		return matcher.Match(ctx, request("DaemonSet", ds.Namespace, ds.Name, ds, nil), nil, nil)
	}
	return matcher.Match(ctx, request("DaemonSet", ds.Namespace, ds.Name, ds, old), nil, nil)
}

// request is what the API server makes of a create, or of an update if there is an old object.
func request(kind, namespace, name string, object, old runtime.Object) *admission.VersionedAttributes {
	gv := corev1.SchemeGroupVersion
	switch kind {
	case helmv2.HelmReleaseKind:
		gv = helmv2.GroupVersion
	case "DaemonSet":
		gv = appsv1.SchemeGroupVersion
	}
	operation := admission.Create
	if old != nil {
		operation = admission.Update
	}
	attributes := admission.NewAttributesRecord(object, old, gv.WithKind(kind), namespace, name, gv.WithResource(resourceOf(kind)), "",
		operation, nil, false, &user.DefaultInfo{})
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedKind: gv.WithKind(kind), VersionedObject: admission.NewLazyObject(object)}
	if old != nil {
		versioned.VersionedOldObject = admission.NewLazyObject(old)
	}
	return versioned
}
