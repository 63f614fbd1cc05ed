// Command etcd is one member of etcd, embedded from its published module for tests:
//
//	etcd DATA_DIR CLIENT_PORT PEER_PORT
package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

func run(dir, client, peer string) error {
	at := func(port string) url.URL { return url.URL{Scheme: "http", Host: "127.0.0.1:" + port} }
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.LogLevel = "warn"
	cfg.UnsafeNoFsync = true // a test's data ends with the test
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{at(client)}, []url.URL{at(client)}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{at(peer)}, []url.URL{at(peer)}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer server.Close()
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-end:
		return nil
	case err := <-server.Err():
		return err
	}
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: etcd DATA_DIR CLIENT_PORT PEER_PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
}
