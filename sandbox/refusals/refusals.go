// Package refusals are the answers of Google's gRPC services to calls that they refuse for reasons that no role cures, as
// public reports quote them, details included. They are injected as faults: rpc.Fault{Err: refusals.QuotaProject(api)}.
package refusals

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// gcloudProject is the project of gcloud's own client, which is billed where no quota project is set.
const gcloudProject = "projects/764086051850"

func refusal(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	st, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		panic(err) // a mistake in this file
	}
	return st.Err()
}

func info(reason, api, consumer string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com", Metadata: map[string]string{"service": api, "consumer": consumer}}
}

// QuotaProject is said to local credentials without a quota project. api is such as discoveryengine.googleapis.com.
func QuotaProject(api string) error {
	return refusal(codes.PermissionDenied, "Your application is authenticating by using local Application Default Credentials. The "+api+
		" API requires a quota project, which is not set by default. To learn how to set your quota project, see https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds .",
		info("SERVICE_DISABLED", api, gcloudProject))
}

// APIDisabled is said where the project has not enabled the API.
func APIDisabled(api, project string) error {
	return refusal(codes.PermissionDenied, api+" has not been used in project "+project+" before or it is disabled.",
		info("SERVICE_DISABLED", api, "projects/"+project))
}

// VPCServiceControls is said by a service perimeter. bare leaves the details out, as some services do.
func VPCServiceControls(api, uid string, bare bool) error {
	message := "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: " + uid
	if bare {
		return refusal(codes.PermissionDenied, message)
	}
	reason := info("SECURITY_POLICY_VIOLATED", api, "projects/demo-project")
	reason.Metadata["uid"] = uid
	return refusal(codes.PermissionDenied, message,
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "VPC_SERVICE_CONTROLS", Description: uid}}}, reason)
}

// KeyDenied is said where the service's agent may not use the key.
func KeyDenied() error {
	return refusal(codes.FailedPrecondition, "Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource 'projects/demo/locations/us/keyRings/ring/cryptoKeys/key' (or it may not exist).")
}

// KeyDisabled is said where the key's version is disabled.
func KeyDisabled() error {
	return refusal(codes.FailedPrecondition, "projects/demo/locations/us/keyRings/ring/cryptoKeys/key/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.")
}

// BillingDisabled is said where the project has no billing account.
func BillingDisabled(api, project string) error {
	return refusal(codes.PermissionDenied, "This API method requires billing to be enabled. Please enable billing on project #"+project+" by visiting https://console.developers.google.com/billing/enable?project="+project+" then retry.",
		info("BILLING_DISABLED", api, "projects/"+project))
}

// Scopes is said to a token that was made for other services.
func Scopes(api string) error {
	return refusal(codes.PermissionDenied, "Request had insufficient authentication scopes.", info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", api, ""))
}

// SecretState is said of a secret's version that is not enabled, but DISABLED or DESTROYED.
func SecretState(state string) error {
	return refusal(codes.FailedPrecondition, "Secret Version [projects/1/secrets/s/versions/1] is in "+state+" state.")
}
