# What RDS shows now of one upgrade: its deployment, by the tag that Viridian gave it, and the instances of either side.
# Input: the answers of DescribeBlueGreenDeployments and DescribeDBInstances, either of them null if there was none.

def last_part: (. // "") | split(":") | last;

{
  deployments: [
    .[0].BlueGreenDeployments[]?
    | select(any(.TagList[]?; .Key == "viridian:owner" and .Value == $owner))
    | {
        id: .BlueGreenDeploymentIdentifier,
        status: .Status,
        details: (.StatusDetails // ""),
        members: [.SwitchoverDetails[]? | {source: (.SourceMember | last_part), target: (.TargetMember | last_part), status: .Status}],
        tasks: [.Tasks[]? | {name: .Name, status: .Status}]
      }
  ],
  instances: [
    .[1].DBInstances[]?
    | select(.DBInstanceIdentifier | startswith($database))
    | {id: .DBInstanceIdentifier, resource_id: .DbiResourceId, status: .DBInstanceStatus, version: .EngineVersion}
  ] | sort_by(.resource_id)
}
