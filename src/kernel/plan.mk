# SPDX-License-Identifier: MIT
# Prints what kbuild would make of one directory, and with which flags, without making anything.
# Input: obj (the directory), src-style ("absolute" where $(src) of the tree's Makefiles holds $(srctree), "relative" before
# 6.10). The language is that of Documentation/kbuild/makefiles.rst. One line per fact: "@KEY VALUES".
src := $(if $(filter absolute,$(src-style)),$(srctree)/)$(obj)
PHONY :=
obj-y :=
obj-m :=
obj- :=
lib-y :=
lib-m :=
always-y :=
always-m :=
extra-y :=
extra-m :=
targets :=
subdir-y :=
subdir-m :=
hostprogs :=
hostprogs-always-y :=
userprogs :=
EXTRA_AFLAGS :=
EXTRA_CFLAGS :=
EXTRA_CPPFLAGS :=
EXTRA_LDFLAGS :=
asflags-y :=
ccflags-y :=
rustflags-y :=
cppflags-y :=
ldflags-y :=
subdir-asflags-y :=
subdir-ccflags-y :=

-include include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
-include $(srctree)/scripts/Makefile.compiler
plan-file := $(firstword $(wildcard $(srctree)/$(obj)/Kbuild $(srctree)/$(obj)/Makefile))
ifeq ($(plan-file),)
$(info @none)
else
include $(plan-file)

plan-members = $(foreach o,$(filter %.o,$1),$(foreach x,$($(o:.o=-objs)) $($(o:.o=-y)) $(if $2,$($(o:.o=-m))),$o:$x))
$(info @file $(plan-file:$(srctree)/%=%))
$(info @obj-y $(obj-y))
$(info @obj-m $(obj-m))
$(info @lib-y $(lib-y) $(lib-m))
$(info @obj-off $(obj-) $(lib-))
$(info @parts-y $(call plan-members,$(obj-y)))
$(info @parts-m $(call plan-members,$(obj-m),m))
$(info @subdir $(subdir-y) $(subdir-m) $(subdir-))
$(info @other $(targets) $(extra-y) $(always-y))
$(info @host $(hostprogs) $(hostprogs-always-y) $(userprogs))
$(info @dirs-off $(filter %/,$(obj-)))
$(info @libs $(libs-y) $(ARCH_LIB))

# c_flags and a_flags are functions of $@, which is an ordinary variable outside recipes.
include $(srctree)/scripts/Makefile.lib
plan-show = $(eval @ := $1)$(info @flags $1 $(c_flags) ; $(a_flags) ; $(addprefix unchecked=,$(OBJECT_FILES_NON_STANDARD_$(basetarget).o)$(OBJECT_FILES_NON_STANDARD)))
$(foreach o,$(sort $(filter %.o,$(real-obj-y) $(real-obj-m) $(lib-y))),$(call plan-show,$o))
endif

.PHONY: plan
plan:
	@:
