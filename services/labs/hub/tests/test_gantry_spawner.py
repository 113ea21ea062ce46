"""The hook on spawners that only keep what they are given."""

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1]))
from gantry_spawner import Refused, gantry_hook  # noqa: E402

CLAIM = {"persistentVolumeClaim": {"claimName": "gantry-volumes"}}
NFS = {"nfs": {"server": "nfs.example", "path": "/archives"}}
ROOTS = {
    "/srv/gantry/volumes": {"volume": CLAIM, "sub_path": "volumes"},
    "/srv/archives": {"volume": NFS, "read_only": True},
}
WORKSPACE = {"name": "workspace", "path": "/srv/gantry/volumes/7/workspace", "mount_path": None, "read_only": False}
CMB = {"name": "cmb", "path": "/srv/gantry/volumes/7/cmb", "mount_path": None, "read_only": False}


def options(*volumes, **more):
    gantry = {"datalab": "d1", "gantry": "g1", "attempt": "a1", "lab": "sepp/jupyterlab:v1"}
    gantry |= {"environment": {"GANTRY_TOKEN": "gnt_1"}, "volumes": [WORKSPACE, *volumes], "archive_mounts": []}
    return {"gantry": gantry | more}


def spawner(user_options, kind="service", name="gantry", **more):
    sender = SimpleNamespace(kind=kind, name=name)
    return SimpleNamespace(
        user_options=user_options,
        orm_spawner=SimpleNamespace(user_options=user_options),
        handler=SimpleNamespace(current_user=sender),
        environment={"LANG": "C.UTF-8"},
        notebook_dir="",
        **more,
    )


def kube(user_options, **more):
    return spawner(user_options, **({"volumes": [], "volume_mounts": [], "working_dir": None, "image": "a"} | more))


class OnKubernetes(unittest.TestCase):
    def test_the_workspace_is_mounted_where_it_is_for_gantry_and_is_home(self):
        pod = kube(options())
        gantry_hook(ROOTS)(pod)
        self.assertEqual(pod.volumes, [{"name": "gantry-0", **CLAIM}])
        mount = {"name": "gantry-0", "mountPath": WORKSPACE["path"], "subPath": "volumes/7/workspace", "readOnly": False}
        self.assertEqual(pod.volume_mounts, [mount])
        self.assertEqual((pod.notebook_dir, pod.working_dir), (WORKSPACE["path"], WORKSPACE["path"]))
        expected = {"LANG": "C.UTF-8", "GANTRY_TOKEN": "gnt_1", "HOME": WORKSPACE["path"], "JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
        self.assertEqual(pod.environment, expected)

    def test_a_folder_of_a_volume_is_mounted_read_only_and_at_a_place_of_its_own(self):
        pod = kube(options(CMB | {"subpath": "maps/hfi", "mount_path": "/data/cmb", "read_only": True}))
        gantry_hook(ROOTS)(pod)
        at = {"name": "gantry-0", "subPath": "volumes/7/cmb/maps/hfi", "readOnly": True}
        self.assertEqual(
            [mount for mount in pod.volume_mounts if mount["readOnly"]],
            [at | {"mountPath": "/data/cmb"}, at | {"mountPath": "/srv/gantry/volumes/7/cmb/maps/hfi"}],
        )

    def test_archives_are_mounted_read_only_at_the_same_path(self):
        pod = kube(options(archive_mounts=["/srv/archives", "/srv/archives/planck"]))
        gantry_hook(ROOTS)(pod)
        whole = {"name": "gantry-1", "mountPath": "/srv/archives", "readOnly": True}
        part = {"name": "gantry-1", "mountPath": "/srv/archives/planck", "subPath": "planck", "readOnly": True}
        self.assertEqual(pod.volume_mounts[:2], [whole, part])
        self.assertEqual(pod.volumes[1], {"name": "gantry-1", **NFS})

    def test_a_root_that_is_read_only_is_never_written_to_whatever_is_asked(self):
        pod = kube(options(CMB | {"path": "/srv/archives/shared"}))
        gantry_hook(ROOTS)(pod)
        self.assertEqual([mount["readOnly"] for mount in pod.volume_mounts], [True, False])

    def test_what_the_operator_mounts_stays_and_a_second_start_adds_nothing(self):
        own = {"name": "scratch", "emptyDir": {}}
        pod = kube(options(), volumes={"s": own}, volume_mounts=[{"name": "scratch", "mountPath": "/scratch"}])
        hook = gantry_hook(ROOTS)
        hook(pod)
        pod.user_options = options()
        hook(pod)
        self.assertEqual(pod.volumes, [own, {"name": "gantry-0", **CLAIM}])
        self.assertEqual([mount["name"] for mount in pod.volume_mounts], ["scratch", "gantry-0"])

    def test_braces_are_no_templates(self):
        volume = CMB | {"path": "/srv/gantry/volumes/7/{username}"}
        pod = kube(options(volume, environment={"GANTRY_VOLUMES": '{"cmb": "/x"}'}))
        gantry_hook(ROOTS)(pod)
        self.assertEqual(pod.environment["GANTRY_VOLUMES"].format(username="ada"), '{"cmb": "/x"}')
        paths = [mount["mountPath"].format(username="ada") for mount in pod.volume_mounts]
        self.assertIn("/srv/gantry/volumes/7/{username}", paths)

    def test_a_place_outside_the_roots_is_refused(self):
        for path in ["/etc", "/srv/gantry", "/srv/gantry/volumes2/7", "/srv/gantry/volumes/../../etc", "srv", "/", "//srv/archives", 7]:
            for asked in [options(CMB | {"path": path}), options(archive_mounts=[path])]:
                with self.assertRaises(Refused) as refused:
                    gantry_hook(ROOTS)(kube(asked))
                self.assertIn("is below none of the folders this Hub gives to datalabs", str(refused.exception))

    def test_a_subpath_or_mount_path_that_leads_elsewhere_is_refused(self):
        for subpath in ["../8", "a/../../8", "/etc", "a//b", "a/."]:
            with self.assertRaises(Refused):
                gantry_hook(ROOTS)(kube(options(CMB | {"subpath": subpath})))
        for mount_path in ["/etc", "/usr/bin", "/data", "/data/../etc", "data/x", "/"]:
            with self.assertRaises(Refused) as refused:
                gantry_hook(ROOTS)(kube(options(CMB | {"mount_path": mount_path})))
            self.assertIn("allowed is what lies below /data, /home,", str(refused.exception))

    def test_two_things_at_one_place_are_refused(self):
        with self.assertRaises(Refused) as refused:
            gantry_hook(ROOTS)(kube(options(CMB, CMB | {"name": "again"})))
        self.assertEqual(str(refused.exception), "two things are to be mounted at `/srv/gantry/volumes/7/cmb`")


class Anywhere(unittest.TestCase):
    def test_a_server_that_did_not_come_from_gantry_is_left_as_it_is(self):
        for user_options in [{}, None, {"profile": "large"}]:
            server = kube(user_options, kind="user", name="ada")
            before = vars(server).copy()
            gantry_hook(ROOTS)(server)
            self.assertEqual(vars(server), before)

    def test_options_that_somebody_else_sent_are_refused(self):
        for kind, name in [("user", "ada"), ("user", "gantry"), ("service", "culler")]:
            with self.assertRaises(Refused) as refused:
                gantry_hook(ROOTS)(kube(options(), kind=kind, name=name))
            self.assertEqual(str(refused.exception), "this is a datalab of Gantry; start it there")
        server = kube(options())
        server.handler = None
        with self.assertRaises(Refused):
            gantry_hook(ROOTS)(server)

    def test_the_hub_keeps_whose_server_it_is_and_no_variable(self):
        server = spawner(options())
        gantry_hook(list(ROOTS))(server)
        kept = {"gantry": {"datalab": "d1", "gantry": "g1", "attempt": "a1", "lab": "sepp/jupyterlab:v1"}}
        self.assertEqual((server.user_options, server.orm_spawner.user_options), (kept, kept))

    def test_a_process_is_at_home_in_the_workspace(self):
        process = spawner(options(CMB), home_dir="/tmp/ada")
        gantry_hook(list(ROOTS))(process)
        self.assertEqual((process.home_dir, process.notebook_dir), (WORKSPACE["path"], WORKSPACE["path"]))

    def test_what_needs_a_mount_is_refused_where_nothing_is_mounted(self):
        for more in [{"subpath": "a"}, {"mount_path": "/data/a"}, {"read_only": True}]:
            with self.assertRaises(Refused) as refused:
                gantry_hook(list(ROOTS))(spawner(options(CMB | more)))
            self.assertIn("must say `mounts = false`", str(refused.exception))

    def test_a_lab_is_what_its_profile_says(self):
        profiles = {"sepp/jupyterlab:v1": {"image": "b", "environment": {"MORE": "1"}}}
        pod = kube(options())
        gantry_hook(ROOTS, profiles=profiles)(pod)
        self.assertEqual((pod.image, pod.environment["MORE"], pod.environment["LANG"]), ("b", "1", "C.UTF-8"))
        with self.assertRaises(Refused) as refused:
            gantry_hook(ROOTS, profiles=profiles)(kube(options(lab="mine/rows:v2")))
        self.assertIn("this Hub has no lab `mine/rows:v2`", str(refused.exception))
        other = kube(options(lab="mine/rows:v2"))
        gantry_hook(ROOTS, profiles=profiles | {"*": {"image": "c"}})(other)
        self.assertEqual(other.image, "c")

    def test_a_variable_of_the_hub_is_refused(self):
        with self.assertRaises(Refused) as refused:
            gantry_hook(ROOTS)(kube(options(environment={"JUPYTERHUB_API_URL": "x"})))
        self.assertEqual(str(refused.exception), "the variable `JUPYTERHUB_API_URL` is set by the Hub itself")

    def test_a_root_that_is_no_plain_path_is_refused_when_the_hub_starts(self):
        for path in ["/", "srv", "/srv/", "/srv/../etc"]:
            with self.assertRaises(ValueError):
                gantry_hook([path])


if __name__ == "__main__":
    unittest.main()
