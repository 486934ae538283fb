package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"vertexmetadata/infra/stack"
)

// record runs a program as an update would, against a monitor that makes nothing and remembers everything.
func record(projectDir, stackName, stackFile string) (*Plan, error) {
	project, given, err := settings(projectDir, stackFile)
	if err != nil {
		return nil, err
	}
	var args stack.Args
	plan, err := recordProgram(project, stackName, projectDir, given, func(ctx *pulumi.Context) (err error) {
		if args, err = stack.Load(ctx); err != nil {
			return err
		}
		return stack.Deploy(ctx)
	})
	if err != nil {
		return nil, err
	}
	plan.args, plan.missing = args, given.missing
	return plan, nil
}

// recordProgram records a program of this process.
func recordProgram(project, stackName, root string, given configuration, program pulumi.RunFunc) (*Plan, error) {
	return recordRun(project, stackName, func(address string) error {
		return pulumi.RunErr(program, func(info *pulumi.RunInfo) {
			*info = pulumi.RunInfo{
				Project: project, Stack: stackName, RootDirectory: root, Config: given.values, ConfigSecretKeys: given.secret,
				Parallel: 1, MonitorAddr: address, EngineAddr: address,
			}
		})
	})
}

// recordRun records what a program registers with the monitor at an address.
func recordRun(project, stackName string, run func(address string) error) (*Plan, error) {
	m := &monitor{plan: Plan{Project: project, Stack: stackName}}
	stop := make(chan bool)
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterResourceMonitorServer(s, m)
			pulumirpc.RegisterEngineServer(s, &engine{monitor: m})
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("serve monitor: %w", err)
	}
	defer func() {
		close(stop)
		<-server.Done
	}()
	err = run(fmt.Sprintf("127.0.0.1:%d", server.Port))
	var collected interface{ WrappedErrors() []error }
	if errors.As(err, &collected) && len(collected.WrappedErrors()) == 1 {
		err = collected.WrappedErrors()[0] // the SDK's list of one adds nothing but lines
	}
	if err != nil {
		return nil, err
	}
	m.plan.sort()
	return &m.plan, nil
}

// monitor stands in for the engine: it takes registrations and answers with what a cloud would compute.
type monitor struct {
	pulumirpc.UnimplementedResourceMonitorServer

	mu   sync.Mutex
	plan Plan
}

var keep = plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true}

func (m *monitor) GetDeploymentInfo(context.Context, *emptypb.Empty) (*pulumirpc.DeploymentInfo, error) {
	return &pulumirpc.DeploymentInfo{SupportedFeatures: []pulumirpc.ResourceMonitorFeature{
		pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_SECRETS,
		pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
		pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
		pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
	}}, nil
}

func (m *monitor) RegisterResource(_ context.Context, in *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	inputs, err := plugin.UnmarshalProperties(in.GetObject(), keep)
	if err != nil {
		return nil, err
	}
	urn := m.urn(in)
	if in.GetType() != string(resource.RootStackType) {
		m.mu.Lock()
		m.plan.Resources = append(m.plan.Resources, Resource{
			Type: in.GetType(), Name: in.GetName(), URN: urn, Aliases: m.aliases(in), Parent: m.parent(in), Custom: in.GetCustom(),
			Inputs: plain(inputs), Depends: slices.Sorted(slices.Values(in.GetDependencies())),
			Import: in.GetImportId(), Ignore: in.GetIgnoreChanges(), Hooks: hooks(in.GetHooks()),
			Retain: in.GetRetainOnDelete(), Protect: in.GetProtect(), Version: in.GetVersion(),
			// The provider has the old one go first where the program does not say.
			OldGoesFirst: in.GetCustom() && (in.GetDeleteBeforeReplace() || !in.GetDeleteBeforeReplaceDefined()),
		})
		m.mu.Unlock()
	}
	id, computed, err := compute(in.GetType(), in.GetName(), inputs)
	if err != nil {
		return nil, err
	}
	outputs := maps.Clone(inputs)
	maps.Copy(outputs, computed)
	state, err := plugin.MarshalProperties(outputs, keep)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.RegisterResourceResponse{Urn: urn, Id: id, Object: state}, nil
}

// hooks says when which hook runs.
func hooks(bound *pulumirpc.RegisterResourceRequest_ResourceHooksBinding) (all []string) {
	for _, part := range []struct {
		when  string
		names []string
	}{
		{"before create", bound.GetBeforeCreate()},
		{"after create", bound.GetAfterCreate()},
		{"before update", bound.GetBeforeUpdate()},
		{"on error", bound.GetOnError()},
	} {
		for _, name := range part.names {
			all = append(all, part.when+" "+name)
		}
	}
	return all
}

func (m *monitor) RegisterResourceOutputs(_ context.Context, in *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	outputs, err := plugin.UnmarshalProperties(in.GetOutputs(), keep)
	if err != nil {
		return nil, err
	}
	if resource.URN(in.GetUrn()).Type() == resource.RootStackType {
		m.mu.Lock()
		m.plan.Outputs = plain(outputs)
		m.mu.Unlock()
	}
	return &emptypb.Empty{}, nil
}

// Invoke answers what the program asks the cloud: the token of the gcp provider, and for adopt the job that was made by hand.
func (m *monitor) Invoke(_ context.Context, in *pulumirpc.ResourceInvokeRequest) (*pulumirpc.ResourceInvokeResponse, error) {
	var told map[string]any
	switch in.GetTok() {
	case "gcp:organizations/getClientConfig:getClientConfig":
		told = map[string]any{"accessToken": "token of the gcp provider", "id": "", "project": "", "region": "", "zone": ""}
	case "gcp:cloudrunv2/getJob:getJob":
		told = map[string]any{"name": in.GetArgs().GetFields()["name"].GetStringValue(), "id": ""}
	default:
		return nil, fmt.Errorf("invoke %s: not known here", in.GetTok())
	}
	answer, err := structpb.NewStruct(told)
	return &pulumirpc.ResourceInvokeResponse{Return: answer}, err
}

func (m *monitor) RegisterErrorHook(context.Context, *pulumirpc.RegisterErrorHookRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (m *monitor) RegisterResourceHook(context.Context, *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (m *monitor) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// parent leaves the stack itself out, as the root that everything hangs from anyway.
func (m *monitor) parent(in *pulumirpc.RegisterResourceRequest) string {
	if p := in.GetParent(); p != "" && resource.URN(p).Type() != resource.RootStackType {
		return p
	}
	return ""
}

func (m *monitor) urn(in *pulumirpc.RegisterResourceRequest) string { return m.named(in, in.GetName()) }

func (m *monitor) named(in *pulumirpc.RegisterResourceRequest, name string) string {
	var above tokens.Type
	if p := m.parent(in); p != "" {
		above = resource.URN(p).QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(m.plan.Stack), tokens.PackageName(m.plan.Project), above, tokens.Type(in.GetType()), name))
}

// aliases are those that differ from the resource's own name: the program uses aliases for names alone.
func (m *monitor) aliases(in *pulumirpc.RegisterResourceRequest) (urns []string) {
	for _, alias := range in.GetAliases() {
		if name := alias.GetSpec().GetName(); name != "" && name != in.GetName() {
			urns = append(urns, m.named(in, name))
		}
	}
	return urns
}

// engine is the other half of the connection: it has nothing to keep but warnings.
type engine struct {
	pulumirpc.UnimplementedEngineServer

	monitor *monitor
}

func (e *engine) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	if in.GetSeverity() == pulumirpc.LogSeverity_WARNING {
		e.monitor.mu.Lock()
		defer e.monitor.mu.Unlock()
		e.monitor.plan.warnings = append(e.monitor.plan.warnings, in.GetMessage())
	}
	return &emptypb.Empty{}, nil
}

func (*engine) SetRootResource(context.Context, *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	return &pulumirpc.SetRootResourceResponse{}, nil
}

func (*engine) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{}, nil
}

// plain turns properties into what JSON and YAML can show.
func plain(properties resource.PropertyMap) map[string]any {
	return properties.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsSecret() {
			return "[secret]", true
		}
		return nil, false
	})
}
