// validate_objects.mjs MODELS < objects.json: holds each object against the schema of its kind, from Kubernetes' and the CRDs' own
// definitions in the folder MODELS (node_modules); prints what is wrong. Fields that a schema does not know are wrong too.
import {readFileSync} from "node:fs";

const models = process.argv[2];
const PACKAGES = {
  "cert-manager.io": "@kubernetes-models/cert-manager/cert-manager.io",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api/gateway.networking.k8s.io",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/monitoring.coreos.com",
};

async function modelOf(object) {
  const [group, version] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion];
  const folder = PACKAGES[group] ?? (group ? `kubernetes-models/${group}` : "kubernetes-models");
  const module = await import(`file://${models}/${folder}/${version}/${object.kind}.js`);
  return module[object.kind];
}

// The validators are compiled and let unknown fields pass. They look at every field they know, whether it is there or not: so what
// is never looked at, in an object in which something was, is unknown. `watched` gets (path, object, fields looked at).
function watch(value, path, watched) {
  if (value === null || typeof value !== "object") return value;
  const seen = new Set();
  const children = new Map();
  if (!Array.isArray(value)) watched.push([path, value, seen]);
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === "string") seen.add(key);
      if (!children.has(key)) children.set(key, watch(target[key], `${path}.${String(key)}`, watched));
      return children.get(key);
    },
  });
}

let faults = 0;
const fault = (object, text) => {
  faults += 1;
  console.log(`${object.kind} ${object.metadata.name}: ${text}`);
};
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const watched = [];
  try {
    // Not of an instance: it would be a copy.
    (await modelOf(object)).prototype.validate.call(watch(object, object.kind, watched));
  } catch (error) {
    fault(object, error.message);
    continue;
  }
  for (const [path, value, seen] of watched) {
    const unknown = seen.size ? Object.keys(value).filter((key) => !seen.has(key)) : [];
    if (unknown.length) fault(object, `${path} has unknown fields: ${unknown}`);
  }
}
process.exit(faults ? 1 : 0);
