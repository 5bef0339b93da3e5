//! What is packaged says what it has to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gauntlet_policy::document::{self, Node, Value};

fn text(node: &Node) -> &str {
    match &node.value {
        Value::Scalar { text, .. } => text,
        Value::Mapping(_) | Value::Sequence(_) => panic!("not a scalar: {node:?}"),
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(items) => items,
        Value::Scalar { .. } | Value::Mapping(_) => panic!("not a list: {node:?}"),
    }
}

fn at<'n>(node: &'n Node, path: &str) -> &'n Node {
    path.split('.').fold(node, |node, key| node.get(key).unwrap_or_else(|| panic!("no `{key}` of `{path}`")))
}

fn documents() -> Vec<Node> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/kubernetes/gauntlet-serve.yaml");
    let manifest = std::fs::read_to_string(path).unwrap();
    manifest
        .split("\n---\n")
        .map(|text| document::parse(text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}")))
        .collect()
}

fn of_kind<'d>(documents: &'d [Node], kind: &str) -> &'d Node {
    documents.iter().find(|document| text(at(document, "kind")) == kind).unwrap()
}

#[test]
fn the_manifest_asks_for_restricted_pods_and_is_one() {
    let documents = documents();
    let labels = at(of_kind(&documents, "Namespace"), "metadata.labels");
    assert_eq!(text(labels.get("pod-security.kubernetes.io/enforce").unwrap()), "restricted");
    let pod = at(of_kind(&documents, "StatefulSet"), "spec.template.spec");
    assert_eq!(text(at(pod, "automountServiceAccountToken")), "false");
    assert_eq!(text(at(pod, "securityContext.runAsNonRoot")), "true");
    assert_eq!(text(at(pod, "securityContext.seccompProfile.type")), "RuntimeDefault");
    for absent in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod.get(absent).is_none(), "{absent}");
    }
    for container in items(at(pod, "containers")) {
        let context = at(container, "securityContext");
        for (key, value) in [
            ("allowPrivilegeEscalation", "false"),
            ("privileged", "false"),
            ("readOnlyRootFilesystem", "true"),
            ("runAsNonRoot", "true"),
            ("seccompProfile.type", "RuntimeDefault"),
        ] {
            assert_eq!(text(at(context, key)), value, "{key}");
        }
        assert_eq!(text(&items(at(context, "capabilities.drop"))[0]), "ALL");
        assert!(context.get("capabilities").unwrap().get("add").is_none());
        for limit in ["cpu", "memory", "ephemeral-storage"] {
            assert!(at(container, "resources.limits").get(limit).is_some(), "{limit}");
        }
    }
    for volume in items(at(pod, "volumes")) {
        assert!(volume.get("hostPath").is_none());
    }
}

#[test]
fn the_manifest_lets_nothing_out_but_to_the_database_and_names() {
    let documents = documents();
    let policy = at(of_kind(&documents, "NetworkPolicy"), "spec");
    let kinds: Vec<&str> = items(at(policy, "policyTypes")).iter().map(text).collect();
    assert_eq!(kinds, ["Ingress", "Egress"]);
    let ports: Vec<&str> = items(at(policy, "egress"))
        .iter()
        .flat_map(|rule| items(at(rule, "ports")))
        .map(|port| text(at(port, "port")))
        .collect();
    assert_eq!(ports, ["5432", "53", "53"]);
}

#[test]
fn pods_are_given_longer_than_runs_to_end() {
    let documents = documents();
    let pod = at(of_kind(&documents, "StatefulSet"), "spec.template.spec");
    let grace: u64 = text(at(pod, "terminationGracePeriodSeconds")).parse().unwrap();
    let arguments: Vec<&str> = items(at(&items(at(pod, "containers"))[0], "args")).iter().map(text).collect();
    let drain = arguments.iter().find_map(|argument| argument.strip_prefix("--drain=")?.strip_suffix('s')).unwrap();
    assert!(grace > drain.parse().unwrap(), "{grace} {drain}");
    assert!(arguments.contains(&"serve"));
}
