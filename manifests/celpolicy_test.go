package manifests_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// celPolicies are the policies as the API server of the oldest Kubernetes evaluates it.
type celPolicies struct{ denies, warns evaluator }

// answer is what the policies say to a release.
type answer struct {
	denied   string // the message; empty if admitted
	warnings []string
	cost     int64 // of the most expensive binding, as the API server counts it
}

// evaluator is a compiled policy.
type evaluator struct{ conditions, validations, messages plugin.ConditionEvaluator }

// expression is one of a policy.
type expression struct {
	text string
	is   *cel.Type
}

func (e expression) GetExpression() string    { return e.text }
func (e expression) ReturnTypes() []*cel.Type { return []*cel.Type{e.is} }

// variable is a named one.
type variable struct {
	admissionregistrationv1.Variable
}

func (v variable) GetName() string          { return v.Name }
func (v variable) GetExpression() string    { return v.Expression }
func (v variable) ReturnTypes() []*cel.Type { return []*cel.Type{cel.AnyType, cel.DynType} }

// celPoliciesAlone is the component without anything beside it.
const celPoliciesAlone = "components: [../manifests/components/validating-admission-policy]"

func newCELPolicies(t testing.TB) celPolicies {
	t.Helper()
	in := build(t, celPoliciesAlone, nil)
	return celPolicies{
		denies: newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard")),
		warns:  newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard-warnings")),
	}
}

// newEvaluator does what the API server does with a policy, with only the CEL of the oldest release.
func newEvaluator(t testing.TB, policy *admissionregistrationv1.ValidatingAdmissionPolicy) evaluator {
	t.Helper()
	compiler, err := plugin.NewCompositedCompiler(environment.MustBaseEnvSet(oldestKubernetes))
	if err != nil {
		t.Fatal(err)
	}
	declared := plugin.OptionalVariableDeclarations{HasParams: true}
	for _, v := range policy.Spec.Variables { // one that does not compile must not hide behind others
		if result := compiler.CompileAndStoreVariable(variable{v}, declared, environment.NewExpressions); result.Error != nil {
			t.Fatalf("%s: variable %s: %v", policy.Name, v.Name, result.Error)
		}
	}
	var conditions, validations, messages []plugin.ExpressionAccessor
	for _, c := range policy.Spec.MatchConditions {
		conditions = append(conditions, expression{c.Expression, cel.BoolType})
	}
	for _, v := range policy.Spec.Validations {
		validations = append(validations, expression{v.Expression, cel.BoolType})
		messages = append(messages, expression{v.MessageExpression, cel.StringType})
	}
	compile := func(e []plugin.ExpressionAccessor) plugin.ConditionEvaluator {
		return compiler.CompileCondition(e, declared, environment.NewExpressions)
	}
	return evaluator{compile(conditions), compile(validations), compile(messages)}
}

// review asks both policies the way that the bindings do. An expression that errors is an error.
func (p celPolicies) review(ctx context.Context, object map[string]any, private ...string) (answer, error) {
	return p.reviewRequest(ctx, create(object), private...)
}

func (p celPolicies) reviewRequest(ctx context.Context, attributes *admission.VersionedAttributes, private ...string) (answer, error) {
	var all answer
	params := &corev1.ConfigMap{Data: map[string]string{"privateRegistries": strings.Join(private, "\n")}}
	for _, params := range []*corev1.ConfigMap{nil, params} {
		said, cost, err := p.denies.ask(ctx, attributes, params)
		if err != nil {
			return all, err
		}
		all.cost = max(all.cost, cost)
		if len(said) > 0 {
			all.denied = said[0] // of the second binding if it speaks: that one knows all
		}
	}
	said, cost, err := p.warns.ask(ctx, attributes, params)
	all.warnings, all.cost = said, max(all.cost, cost)
	return all, err
}

// ask returns the messages of the validations that fail.
func (e evaluator) ask(ctx context.Context, attributes *admission.VersionedAttributes, params *corev1.ConfigMap) (said []string, cost int64, err error) {
	request := plugin.CreateAdmissionRequest(attributes.Attributes, metav1.GroupVersionResource(attributes.GetResource()), metav1.GroupVersionKind(attributes.VersionedKind))
	var vars plugin.OptionalVariableBindings
	if params != nil {
		vars.VersionedParams = params
	}
	evaluate := func(c plugin.ConditionEvaluator, budget int64) ([]plugin.EvaluationResult, int64) {
		if err != nil {
			return nil, 0
		}
		var results []plugin.EvaluationResult
		results, left, failed := c.ForInput(ctx, attributes, request, vars, &corev1.Namespace{}, budget)
		err = failed
		for _, r := range results {
			if r.Error != nil {
				err = fmt.Errorf("%s: %w", r.ExpressionAccessor.GetExpression(), r.Error)
			}
		}
		return results, left
	}
	conditions, _ := evaluate(e.conditions, celconfig.RuntimeCELCostBudgetMatchConditions)
	for _, c := range conditions {
		if c.EvalResult != types.True {
			return nil, 0, err
		}
	}
	validations, left := evaluate(e.validations, celconfig.RuntimeCELCostBudget)
	messages, left := evaluate(e.messages, left)
	if err != nil {
		return nil, 0, err
	}
	for i := range messages {
		if text := messages[i].EvalResult.Value().(string); validations[i].EvalResult != types.True {
			if strings.TrimSpace(text) == "" || strings.Contains(text, "\n") || len(text) > celconfig.MaxEvaluatedMessageExpressionSizeBytes {
				err = fmt.Errorf("the API server would not show the message %q", text)
			}
			said = append(said, text)
		}
	}
	return said, celconfig.RuntimeCELCostBudget - left, err
}
