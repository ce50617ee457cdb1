/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */

/*
 * The operations: name, weight, and whether the machine may lack what it needs. Included
 * wherever a list of them is wanted, with FUZZ_KIND() as that place likes it.
 */
FUZZ_KIND(open, 20, false);
FUZZ_KIND(close, 12, false);
FUZZ_KIND(dup, 3, false);
FUZZ_KIND(get_param, 15, false);
FUZZ_KIND(bind, 20, false);
FUZZ_KIND(query_mm, 25, false);
FUZZ_KIND(bo_create, 50, false);
FUZZ_KIND(bo_info, 45, false);
FUZZ_KIND(bo_wait, 30, false);
FUZZ_KIND(bo_grant, 50, false);
FUZZ_KIND(ctx_create, 25, false);
FUZZ_KIND(ctx_destroy, 15, false);
FUZZ_KIND(ctx_query, 30, false);
FUZZ_KIND(submit, 120, false);
FUZZ_KIND(submit_svm, 50, true);
FUZZ_KIND(submit_big, 4, false);

FUZZ_KIND(version, 4, false);
FUZZ_KIND(caps, 12, false);
FUZZ_KIND(gem_close, 25, false);
FUZZ_KIND(flink, 12, false);
FUZZ_KIND(gem_open, 16, false);
FUZZ_KIND(export, 30, false);
FUZZ_KIND(import, 30, false);
FUZZ_KIND(dumb_create, 12, false);
FUZZ_KIND(dumb_map, 8, false);
FUZZ_KIND(dumb_destroy, 8, false);
FUZZ_KIND(master, 8, false);
FUZZ_KIND(wild, 12, true);

FUZZ_KIND(sync_create, 35, false);
FUZZ_KIND(sync_destroy, 25, false);
FUZZ_KIND(sync_export, 15, false);
FUZZ_KIND(sync_import, 12, false);
FUZZ_KIND(sync_wait, 15, false);
FUZZ_KIND(sync_timeline_wait, 12, false);
FUZZ_KIND(sync_reset, 10, false);
FUZZ_KIND(sync_signal, 12, false);
FUZZ_KIND(sync_timeline_signal, 10, false);
FUZZ_KIND(sync_query, 20, false);
FUZZ_KIND(sync_transfer, 8, false);
FUZZ_KIND(sync_eventfd, 6, true);
FUZZ_KIND(sync_file_info, 12, false);
FUZZ_KIND(sync_file_merge, 6, false);
FUZZ_KIND(sw_sync_create, 6, true);
FUZZ_KIND(sw_sync_inc, 8, true);

FUZZ_KIND(dmabuf_sync, 14, false);
FUZZ_KIND(dmabuf_export_fence, 14, false);
FUZZ_KIND(dmabuf_import_fence, 8, false);
FUZZ_KIND(dmabuf_name, 4, false);
FUZZ_KIND(dmabuf_seek, 4, false);
FUZZ_KIND(dmabuf_foreign, 4, true);

FUZZ_KIND(map_node, 30, false);
FUZZ_KIND(map_dmabuf, 24, false);
FUZZ_KIND(unmap, 20, false);
FUZZ_KIND(mprotect, 10, false);
FUZZ_KIND(mremap, 10, false);
FUZZ_KIND(madvise, 12, false);
FUZZ_KIND(touch, 40, false);
FUZZ_KIND(usercopy, 12, false);
FUZZ_KIND(process_vm, 8, false);
FUZZ_KIND(plain, 15, false);

FUZZ_KIND(fork, 2, false);
FUZZ_KIND(exec, 1, false);
FUZZ_KIND(send, 25, false);
FUZZ_KIND(recv, 25, false);
FUZZ_KIND(poll, 12, false);
FUZZ_KIND(read, 3, true);
FUZZ_KIND(fdinfo, 3, false);
FUZZ_KIND(debugfs, 1, true);
