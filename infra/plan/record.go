package main

import (
	"context"
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
)

// record runs a program as an update would, against a monitor that makes nothing and remembers everything.
func record(projectDir, stackName, stackFile string, program pulumi.RunFunc) (*Plan, error) {
	project, values, err := settings(projectDir, stackFile)
	if err != nil {
		return nil, err
	}
	m := &monitor{plan: Plan{Project: string(project.Name), Stack: stackName}}
	stop := make(chan bool)
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterResourceMonitorServer(s, m)
			pulumirpc.RegisterEngineServer(s, &engine{})
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
	address := fmt.Sprintf("127.0.0.1:%d", server.Port)
	err = pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		*info = pulumi.RunInfo{
			Project: m.plan.Project, Stack: stackName, RootDirectory: projectDir, Config: values,
			Parallel: 1, MonitorAddr: address, EngineAddr: address,
		}
	})
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
			Type: in.GetType(), Name: in.GetName(), URN: urn, Parent: m.parent(in), Custom: in.GetCustom(),
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

// Invoke answers the one question the program asks: the token of the gcp provider, for the registry.
func (m *monitor) Invoke(_ context.Context, in *pulumirpc.ResourceInvokeRequest) (*pulumirpc.ResourceInvokeResponse, error) {
	if in.GetTok() != "gcp:organizations/getClientConfig:getClientConfig" {
		return nil, fmt.Errorf("invoke %s: not known here", in.GetTok())
	}
	answer, err := structpb.NewStruct(map[string]any{"accessToken": "token of the gcp provider", "id": "", "project": "", "region": "", "zone": ""})
	return &pulumirpc.ResourceInvokeResponse{Return: answer}, err
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

func (m *monitor) urn(in *pulumirpc.RegisterResourceRequest) string {
	var above tokens.Type
	if p := m.parent(in); p != "" {
		above = resource.URN(p).QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(m.plan.Stack), tokens.PackageName(m.plan.Project), above, tokens.Type(in.GetType()), in.GetName()))
}

// engine is the other half of the connection: it has nothing to keep but the root.
type engine struct {
	pulumirpc.UnimplementedEngineServer
}

func (*engine) Log(context.Context, *pulumirpc.LogRequest) (*emptypb.Empty, error) {
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
