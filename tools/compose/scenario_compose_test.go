// Package compose_test checks the compose.yaml at the root by Compose's own loader.
package compose_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

func load(t *testing.T, environment types.Mapping, profiles ...string) (*types.Project, error) {
	t.Helper()
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: root, ConfigFiles: types.ToConfigFiles([]string{root + "/compose.yaml"}), Environment: environment,
	}, loader.WithProfiles(profiles))
}

func TestComposeStartsThreeGatewaysOverOneDatabase(t *testing.T) {
	project, err := load(t, types.Mapping{"POSTGRES_PASSWORD": "s3cret"})

	require.NoError(t, err)
	require.ElementsMatch(t, []string{"gateway-1", "gateway-2", "gateway-3", "balancer", "postgres", "collector"}, project.ServiceNames())
	for _, name := range []string{"gateway-1", "gateway-2", "gateway-3"} {
		service := project.Services[name]
		require.Equal(t, project.Services["gateway-1"].Command, service.Command)
		require.NotContains(t, strings.Join(service.Command, " "), "s3cret", "the list of processes shows it")
		require.Equal(t, "s3cret", *service.Environment["PGPASSWORD"])
		require.Equal(t, "service_healthy", service.DependsOn["postgres"].Condition)
		require.Contains(t, project.Configs["balancer"].Content, name+":8480")
	}
	require.Equal(t, "http://collector:4318", *project.Services["gateway-2"].Environment["OTEL_EXPORTER_OTLP_ENDPOINT"])
	var collector struct {
		Receivers, Exporters map[string]any
		Service              struct {
			Pipelines map[string]struct{ Receivers, Exporters []string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(project.Configs["collector"].Content), &collector))
	require.Len(t, collector.Service.Pipelines, 3)
	for name, pipeline := range collector.Service.Pipelines {
		for _, receiver := range pipeline.Receivers {
			require.Contains(t, collector.Receivers, receiver, name)
		}
		for _, exporter := range pipeline.Exporters {
			require.Contains(t, collector.Exporters, exporter, name)
		}
	}

	_, err = load(t, nil)
	require.ErrorContains(t, err, "POSTGRES_PASSWORD")
}

func TestComposeStartsTemporalAndItsWorker(t *testing.T) {
	project, err := load(t, types.Mapping{"POSTGRES_PASSWORD": "s3cret", "ALIPAYPLUS_CLIENT_ID": "client"}, "rollouts")

	require.NoError(t, err)
	require.Subset(t, project.ServiceNames(), []string{"temporal", "temporal-ui", "worker"})
	require.Equal(t, "client", *project.Services["worker"].Environment["ALIPAYPLUS_CLIENT_ID"])
	grace := project.Services["worker"].StopGracePeriod
	require.NotNil(t, grace)
	require.Greater(t, time.Duration(*grace), 30*time.Second, "how long its steps in flight may take")
}

// What is built is a stage of the Dockerfile.
func TestComposeBuildsStagesOfTheDockerfile(t *testing.T) {
	project, err := load(t, types.Mapping{"POSTGRES_PASSWORD": "s3cret"}, "rollouts")
	require.NoError(t, err)
	text, err := os.ReadFile(root + "/Dockerfile")
	require.NoError(t, err)
	var stages []string
	for _, match := range regexp.MustCompile(`(?m)^FROM \S+(?: \S+)? AS (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		stages = append(stages, match[1])
	}
	for name, service := range project.Services {
		if service.Build != nil {
			require.Contains(t, stages, service.Build.Target, name)
		}
	}
}
