package storage

import "net/http"

// Faults that refuse every request until they are removed, in the service's own words. A caller narrows them by Op or
// Object.
func refusal(status int, reason, message string) Fault {
	return Fault{Count: -1, Status: status, Reason: reason, Message: message}
}

// KeyDenied is the refusal of a bucket whose key the service may not use.
func KeyDenied() Fault {
	return refusal(http.StatusForbidden, "forbidden", "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account has been authorized to use this key.")
}

// KeyDisabled is the refusal of a bucket whose key is disabled.
func KeyDisabled() Fault {
	return refusal(http.StatusBadRequest, "invalid", "projects/demo/locations/us/keyRings/ring/cryptoKeys/key/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.")
}

// BillingDisabled is the refusal of a project without a billing account.
func BillingDisabled() Fault {
	return refusal(http.StatusForbidden, "accountDisabled", "The billing account for the owning project is disabled in state absent")
}

// VPCServiceControls is the refusal of a service perimeter.
func VPCServiceControls(uid string) Fault {
	return refusal(http.StatusForbidden, "vpcServiceControls", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "+uid+".")
}
