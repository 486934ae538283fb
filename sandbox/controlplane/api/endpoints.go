package api

import (
	"maps"
	"net"
	"os"
	"slices"
)

// PulumiConfig is the stack configuration that points the gcp provider at a control plane: key to value. The address is that of
// Start; the token is AdminToken's or another that the control plane minted.
func PulumiConfig(address, token string) map[string]string {
	config := map[string]string{"gcp:accessToken": token, "gcp:skipRegionValidation": "true"}
	for name, path := range map[string]string{
		"artifactRegistry": "artifactregistry/v1/", "cloudRunV2": "run/v2/", "cloudScheduler": "cloudscheduler/v1/",
		"cloudResourceManager": "cloudresourcemanager/v1/", "resourceManager": "cloudresourcemanager/v1/",
		"resourceManagerV3": "cloudresourcemanager/v3/", "iam": "iam/v1/", "iamCredentials": "iamcredentials/v1/",
		"serviceUsage": "serviceusage/v1/", "secretManager": "secretmanager/v1/", "storage": "storage/v1/",
		"discoveryEngine": "discoveryengine/v1/", "sql": "sqladmin/sql/v1beta4/", "iamBeta": "iam/v1/",
		"monitoring": "monitoring/", "logging": "logging/v2/", "compute": "compute/v1/", "kms": "cloudkms/v1/",
	} {
		config["gcp:"+name+"CustomEndpoint"] = "http://" + address + "/" + path
	}
	return config
}

// GcloudEnv is the environment of a gcloud that works on a control plane and keeps its own settings in a folder.
func GcloudEnv(address, token, folder string) []string {
	return append(GcloudVariables(address, token, folder), "PATH="+os.Getenv("PATH"), "HOME="+folder)
}

// GcloudVariables are the variables, NAME=value, that point gcloud at a control plane and keep its settings in a folder. gcloud
// builds host names of its own for regional APIs (REGION-HOST), which resolve nowhere: the control plane is also gcloud's HTTP
// proxy, so every name leads to it.
func GcloudVariables(address, token, folder string) []string {
	host, port, _ := net.SplitHostPort(address)
	env := []string{
		"CLOUDSDK_CONFIG=" + folder, "CLOUDSDK_AUTH_ACCESS_TOKEN=" + token,
		"CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "CLOUDSDK_CORE_DISABLE_FILE_LOGGING=1",
		"CLOUDSDK_PROXY_TYPE=http", "CLOUDSDK_PROXY_ADDRESS=" + host, "CLOUDSDK_PROXY_PORT=" + port, "NO_PROXY=", "no_proxy=",
	}
	overrides := map[string]string{
		"ARTIFACTREGISTRY": "artifactregistry/", "CLOUDKMS": "cloudkms/", "CLOUDRESOURCEMANAGER": "cloudresourcemanager/",
		"CLOUDSCHEDULER": "cloudscheduler/", "COMPUTE": "compute/v1/", "IAM": "iam/", "IAMCREDENTIALS": "iamcredentials/",
		"LOGGING": "logging/", "MONITORING": "monitoring/", "RUN": "run/", "SECRETMANAGER": "secretmanager/",
		"SERVICEUSAGE": "serviceusage/", "SQL": "sqladmin/", "STORAGE": "storage/v1/",
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+name+"=http://"+address+"/"+overrides[name])
	}
	return env
}
