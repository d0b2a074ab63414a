import { Cluster } from "./components/cluster";
import { readSettings } from "./components/settings";

const settings = readSettings();
new Cluster(settings.name, { settings });
